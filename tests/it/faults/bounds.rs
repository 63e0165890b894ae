//! Bounds at the door: what no reader can represent is refused by every way in, with the field named.
