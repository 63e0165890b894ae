//! Promotions, admissions, claims and notifications survive a row or hint that they cannot use.
