-- Counts the lines of `known` that can be moved.
SELECT json_build_object('lines', (SELECT count(*) FROM known AS k WHERE k.problem IS NULL))::text
