//! When the connections are replaced by others. Nothing connects here.

use super::*;

fn store() -> Store {
    Store::new(&Config::new("postgres://nobody@127.0.0.1:1/none".into()))
}

/// Lets the generation of now become so old. No server was found since.
fn age(store: &Store, age: Duration) {
    let mut pools = Pools::new(&store.config, &store.last_loss, &store.refusals);
    pools.made_at -= age;
    store.found_again.send_replace(pools.made_at);
    *store.pools.write().unwrap() = Some(Arc::new(pools));
}

/// Whether the connections of a store whose generation is so old are others after the event.
fn replaced(store: &Store, event: impl FnOnce(&Store, &Arc<Pools>)) -> bool {
    let before = store.current().unwrap();
    event(store, &before);
    !Arc::ptr_eq(&before, &store.pools().unwrap())
}

fn no_reply(store: &Store, used: &Arc<Pools>) {
    let timed_out = StoreError::TimedOut { waited: Duration::ZERO, stored: crate::error::Stored::Unknown };
    assert!(store.replacing::<()>(used, Err(timed_out)).is_err());
}

#[test]
fn connections_from_before_a_server_was_found_are_replaced() {
    for (seconds, expected) in [(2, false), (5, true)] {
        let store = store();
        age(&store, Duration::from_secs(seconds));
        assert_eq!(replaced(&store, |store, _| store.server_found()), expected, "{seconds} s");
    }
}

#[test]
fn a_young_generation_with_a_silent_connection_is_replaced_later() {
    let store = store();
    assert!(!replaced(&store, no_reply));
    let young = store.current().unwrap();
    assert!(young.is_doubtful());
    age(&store, SHORTEST_GENERATION);
    assert!(!replaced(&store, |_, _| {}), "it has no silent connection");
    store.current().unwrap().doubt();
    assert!(replaced(&store, |store, _| store.replace_doubtful()));
    assert!(!replaced(&store, |_, _| {}), "once");
}

#[test]
fn statements_that_began_on_doubtful_connections_are_given_up_with_them() {
    for (is_found, expected) in [(true, true), (false, false)] {
        let store = store();
        age(&store, SHORTEST_GENERATION);
        let used = store.current().unwrap();
        if is_found {
            store.found_again.send_replace(Instant::now());
        }
        used.doubt();
        let began = Instant::now();
        store.replace_doubtful();
        assert_eq!(*store.found_again.borrow() > began, expected);
    }
}

#[test]
fn what_was_replaced_already_replaces_nothing() {
    let store = store();
    let old = store.current().unwrap();
    age(&store, SHORTEST_GENERATION);
    assert!(!replaced(&store, |store, _| no_reply(store, &old)));
}
