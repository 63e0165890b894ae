-- Queries behind `WITH`, of which `known` has the crontab lines that Graphile Worker knows, each with what is wrong with it, or NULL.
known AS MATERIALIZED (
    SELECT k.identifier, k.known_since, k.last_execution, CASE
        WHEN char_length(k.identifier) NOT BETWEEN 1 AND 128
            THEN format('identifier must be 1 to 128 characters, got %s', char_length(k.identifier))
        WHEN NOT mainspring.is_readable_time(k.known_since)
            THEN format('known_since must be in the years 1 to 9999, got %s', k.known_since)
        WHEN NOT mainspring.is_readable_time(k.last_execution)
            THEN format('last_execution must be in the years 1 to 9999, got %s', k.last_execution) END AS problem
    FROM graphile_worker._private_known_crontabs AS k /* lock */
)
