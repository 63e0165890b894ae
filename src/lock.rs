//! Locks a mutex although another thread may have panicked while it held the lock. What these mutexes guard is consistent
//! after every statement, so a panic elsewhere must not spread through them.

use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
