-- Returns the priority that comes before all others: the smallest number. A scan from here on leaves nothing out.
CREATE OR REPLACE FUNCTION mainspring.first_priority()
RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (-32768)::smallint;
