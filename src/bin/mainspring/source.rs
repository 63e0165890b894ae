//! Where a command reads and acts: in the database, or through the JSON API of a dashboard, for those who cannot reach the database.

use mainspring::{Schema, Session, StoreError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::api::Api;
use crate::database::{Database, read};
use crate::failure::Failure;

/// Whether an act was a change.
#[derive(Deserialize)]
pub(crate) struct Changed {
    pub(crate) changed: bool,
}

/// Where the arguments lead.
pub(crate) struct Place<'a> {
    pub(crate) url: Option<&'a str>,
    pub(crate) schema: &'a Schema,
    pub(crate) api: Option<Api>,
}

impl Place<'_> {
    /// The database, for a command that the API does not offer.
    pub(crate) fn database(&self) -> Result<Database, Failure> {
        match self.api {
            Some(_) => Err(only_database()),
            None => Database::open(self.url, self.schema),
        }
    }

    /// What a command reads and acts on.
    pub(crate) fn source(&self) -> Result<Source, Failure> {
        match &self.api {
            Some(api) => Ok(Source::Api(api.clone())),
            None => Ok(Source::Database(self.database()?.verified()?)),
        }
    }

    /// The same, for a role that may only add jobs.
    pub(crate) fn source_to_enqueue(&self) -> Result<Source, Failure> {
        match &self.api {
            Some(api) => Ok(Source::Api(api.clone())),
            None => Ok(Source::Database(self.database()?.verified_to_enqueue()?)),
        }
    }

    /// The same, whatever the schema is like.
    pub(crate) fn unverified(&self) -> Result<Source, Failure> {
        match &self.api {
            Some(api) => Ok(Source::Api(api.clone())),
            None => Ok(Source::Database(self.database()?)),
        }
    }
}

pub(crate) enum Source {
    Database(Database),
    Api(Api),
}

/// What the API is asked for: a path, and the parameters that have a value.
pub(crate) struct Query {
    pub(crate) path: &'static str,
    pub(crate) parameters: Vec<(&'static str, String)>,
}

impl Query {
    pub(crate) fn new(path: &'static str) -> Self {
        Self { path, parameters: Vec::new() }
    }

    /// Adds a parameter, if it has a value.
    pub(crate) fn with(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.parameters.extend(value.map(|value| (name, value.to_string())));
        self
    }

    pub(crate) fn with_all(
        self,
        parameters: impl IntoIterator<Item = (&'static str, Option<String>)>,
    ) -> Self {
        parameters.into_iter().fold(self, |query, (name, value)| query.with(name, value))
    }
}

impl Source {
    /// Reads by the verb, or by the query.
    pub(crate) fn read<T: DeserializeOwned>(
        &mut self,
        query: Query,
        verb: impl FnOnce(&mut Session<'_>) -> Result<T, StoreError>,
    ) -> Result<T, Failure> {
        match self {
            Self::Database(database) => read(&mut database.session(), verb),
            Self::Api(api) => api.read(&query),
        }
    }

    /// As [`Self::read`], for what may not be there: the API has the words for that.
    pub(crate) fn find<T: DeserializeOwned>(
        &mut self,
        query: Query,
        missing: impl FnOnce() -> Failure,
        verb: impl FnOnce(&mut Session<'_>) -> Result<Option<T>, StoreError>,
    ) -> Result<T, Failure> {
        match self {
            Self::Database(database) => read(&mut database.session(), verb)?.ok_or_else(missing),
            Self::Api(api) => api.read(&query),
        }
    }

    /// As [`Self::read`], without a transaction: the schema may be missing.
    pub(crate) fn look<T: DeserializeOwned>(
        &mut self,
        query: Query,
        verb: impl FnOnce(&mut Session<'_>) -> Result<T, StoreError>,
    ) -> Result<T, Failure> {
        match self {
            Self::Database(database) => Ok(verb(&mut database.session())?),
            Self::Api(api) => api.read(&query),
        }
    }

    /// Acts by the verb, or by the path and the body.
    pub(crate) fn act<T: DeserializeOwned>(
        &mut self,
        path: &'static str,
        body: &impl Serialize,
        verb: impl FnOnce(&mut Session<'_>) -> Result<T, StoreError>,
    ) -> Result<T, Failure> {
        match self {
            Self::Database(database) => Ok(verb(&mut database.session())?),
            Self::Api(api) => api.act(path, body),
        }
    }

    /// The database, for what the API does not offer.
    pub(crate) fn session(&mut self) -> Result<Session<'_>, Failure> {
        match self {
            Self::Database(database) => Ok(database.session()),
            Self::Api(_) => Err(only_database()),
        }
    }
}

/// The refusal of what the API does not offer.
pub(crate) fn only_database() -> Failure {
    Failure::Usage("this command needs the database: the API does not offer it, so leave out --api".into())
}
