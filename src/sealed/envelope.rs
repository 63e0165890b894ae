//! A sealed value as it is stored, and a stored text in which values are sealed again.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
#[cfg(feature = "testing")]
use serde_json::Value;
use serde_json::value::RawValue;

use super::error::SealError;
use super::key_ring::KeyRing;

/// The field by which a sealed value is known.
pub(crate) const FIELD: &str = "_sealed";

/// What stands for a sealed value.
#[derive(Serialize, Deserialize)]
#[serde(expecting = "a sealed value")]
pub(super) struct Outer {
    #[serde(rename = "_sealed")]
    pub(super) sealed: Envelope,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a sealed value")]
pub(super) struct Envelope {
    key: String,
    nonce: String,
    text: String,
}

impl Envelope {
    pub(super) fn seal(ring: &KeyRing, plain: &[u8], task: &str) -> Result<Self, SealError> {
        let key = ring.current();
        let nonce = XNonce::try_generate().map_err(|error| SealError::NoRandom(error.to_string()))?;
        let bound = bound_to(key, task);
        let sealed = cipher(ring, key)?.encrypt(&nonce, Payload { msg: plain, aad: &bound });
        let text = sealed.map_err(|_| SealError::NotOpened { key: key.to_owned() })?;
        Ok(Self { key: key.to_owned(), nonce: STANDARD.encode(nonce), text: STANDARD.encode(text) })
    }

    pub(super) fn open(&self, ring: &KeyRing, task: &str) -> Result<Vec<u8>, SealError> {
        let bytes = |text: &str| STANDARD.decode(text).map_err(|_| SealError::Malformed);
        let nonce = XNonce::try_from(bytes(&self.nonce)?.as_slice()).map_err(|_| SealError::Malformed)?;
        let (text, bound) = (bytes(&self.text)?, bound_to(&self.key, task));
        let opened = cipher(ring, &self.key)?.decrypt(&nonce, Payload { msg: &text, aad: &bound });
        opened.map_err(|_| SealError::NotOpened { key: self.key.clone() })
    }
}

fn cipher(ring: &KeyRing, key: &str) -> Result<XChaCha20Poly1305, SealError> {
    Ok(XChaCha20Poly1305::new(&ring.key(key)?.into()))
}

// What a value belongs to is authenticated with it, and not stored.
fn bound_to(key: &str, task: &str) -> Vec<u8> {
    format!("mainspring 1\n{key}\n{task}").into_bytes()
}

/// What was sealed again in a text.
pub(crate) struct Again {
    /// The text with the new values; `None` if there are none.
    pub(crate) json: Option<String>,
    /// Why the first value could not be opened of those that were left.
    pub(crate) problem: Option<SealError>,
}

/// Seals each value in the JSON again whose key is not the current one. All other values stay as they are written.
pub(crate) fn resealed(json: &str, ring: &KeyRing, task: &str) -> Again {
    let mut work = Work { ring, task, problem: None };
    let json = read::<&RawValue>(json).ok().and_then(|raw| work.again(raw)).map(|raw| raw.get().to_owned());
    Again { json, problem: work.problem }
}

struct Work<'a> {
    ring: &'a KeyRing,
    task: &'a str,
    problem: Option<SealError>,
}

impl Work<'_> {
    // `None`: nothing in it was sealed again.
    fn again(&mut self, raw: &RawValue) -> Option<Box<RawValue>> {
        let json = raw.get();
        if !json.contains(FIELD) {
            return None;
        }
        if json.starts_with('[') {
            let mut values: Vec<Cow<'_, RawValue>> = read(json).ok()?;
            return self.all(values.iter_mut()).then(|| written(&values).ok()).flatten();
        }
        if !json.starts_with('{') {
            return None;
        }
        let mut fields: BTreeMap<Cow<'_, str>, Cow<'_, RawValue>> = read(json).ok()?;
        if let Some(envelope) = fields.get(FIELD).and_then(|sealed| read::<Envelope>(sealed.get()).ok()) {
            let again = self.seal(&envelope)?;
            fields.insert(FIELD.into(), Cow::Owned(again));
            return written(&fields).ok();
        }
        self.all(fields.values_mut()).then(|| written(&fields).ok()).flatten()
    }

    fn seal(&mut self, envelope: &Envelope) -> Option<Box<RawValue>> {
        if envelope.key == self.ring.current() {
            return None;
        }
        let opened = envelope.open(self.ring, self.task);
        let again = opened.and_then(|plain| Envelope::seal(self.ring, &plain, self.task));
        match again.and_then(|again| written(&again)) {
            Ok(again) => Some(again),
            Err(problem) => {
                self.problem.get_or_insert(problem);
                None
            }
        }
    }

    // Whether any of the values was sealed again.
    fn all<'v, 'j: 'v>(&mut self, values: impl Iterator<Item = &'v mut Cow<'j, RawValue>>) -> bool {
        let mut any = false;
        for value in values {
            if let Some(again) = self.again(value) {
                *value = Cow::Owned(again);
                any = true;
            }
        }
        any
    }
}

fn read<'j, T: Deserialize<'j>>(json: &'j str) -> Result<T, SealError> {
    serde_json::from_str(json).map_err(|_| SealError::Malformed)
}

fn written<T: Serialize>(value: &T) -> Result<Box<RawValue>, SealError> {
    serde_json::value::to_raw_value(value).map_err(|_| SealError::Malformed)
}

/// Puts a mark in the place of each sealed value: its text differs each time that it is written.
#[cfg(feature = "testing")]
pub(crate) fn mask(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(mask),
        Value::Object(fields) => {
            if let Some(sealed) =
                fields.get_mut(FIELD).filter(|sealed| Envelope::deserialize(&**sealed).is_ok())
            {
                *sealed = "..".into();
                return;
            }
            fields.values_mut().for_each(mask);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
