//! A sealed value as it is stored, and a stored text in which values are sealed again.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
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

/// Seals each value in the JSON again whose key is not the current one. Returns `None` if there is none. All else stays as it is written.
pub(crate) fn resealed(json: &str, ring: &KeyRing, task: &str) -> Result<Option<String>, SealError> {
    let raw: &RawValue = serde_json::from_str(json).map_err(|_| SealError::Malformed)?;
    Ok(reseal(raw, ring, task)?.map(|raw| raw.get().to_owned()))
}

fn reseal(raw: &RawValue, ring: &KeyRing, task: &str) -> Result<Option<Box<RawValue>>, SealError> {
    let json = raw.get();
    if !json.contains(FIELD) {
        return Ok(None);
    }
    if json.starts_with('[') {
        let mut values: Vec<Cow<'_, RawValue>> = read(json)?;
        return all(values.iter_mut(), ring, task)?.then(|| written(&values)).transpose();
    }
    if !json.starts_with('{') {
        return Ok(None);
    }
    let mut fields: BTreeMap<Cow<'_, str>, Cow<'_, RawValue>> = read(json)?;
    let envelope = fields.get(FIELD).and_then(|sealed| serde_json::from_str::<Envelope>(sealed.get()).ok());
    if let Some(envelope) = envelope {
        if envelope.key == ring.current() {
            return Ok(None);
        }
        let again = Envelope::seal(ring, &envelope.open(ring, task)?, task)?;
        fields.insert(FIELD.into(), Cow::Owned(written(&again)?));
        return written(&fields).map(Some);
    }
    all(fields.values_mut(), ring, task)?.then(|| written(&fields)).transpose()
}

// Whether any of the values was sealed again.
fn all<'v, 'j: 'v>(
    values: impl Iterator<Item = &'v mut Cow<'j, RawValue>>,
    ring: &KeyRing,
    task: &str,
) -> Result<bool, SealError> {
    let mut any = false;
    for value in values {
        if let Some(again) = reseal(value, ring, task)? {
            *value = Cow::Owned(again);
            any = true;
        }
    }
    Ok(any)
}

fn read<'j, T: Deserialize<'j>>(json: &'j str) -> Result<T, SealError> {
    serde_json::from_str(json).map_err(|_| SealError::Malformed)
}

fn written<T: Serialize>(value: &T) -> Result<Box<RawValue>, SealError> {
    serde_json::value::to_raw_value(value).map_err(|_| SealError::Malformed)
}
