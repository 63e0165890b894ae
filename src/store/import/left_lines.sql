-- Describes the first lines of `known` that stay. One that nothing is wrong with is busy, as jobs may be.
SELECT json_build_object('left_lines', (SELECT coalesce(json_agg(l ORDER BY l.identifier), '[]') FROM (
    SELECT k.identifier, coalesce(k.problem, 'another transaction held it, or has added it since') AS detail FROM known AS k
    WHERE k.problem IS NOT NULL OR /* busy too */ ORDER BY k.identifier LIMIT 1000) AS l))::text
