//! Right results, or one clear sentence, under any setting of the role, database and server.

mod connections;
mod encodings;
mod schema;
mod settings;
mod too_many;
