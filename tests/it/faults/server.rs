//! Right results, or one clear sentence, under any setting of the role, database and server.
