-- Returns the number of a queue's admitted job among all that the queue has admitted. A job without a number comes last, where
-- every count includes it. The index `jobs_slots` is on this function, so its body never changes.
CREATE OR REPLACE FUNCTION mainspring.slot_or_last(slot bigint)
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- The greatest bigint.
RETURN coalesce(slot, 9223372036854775807);
