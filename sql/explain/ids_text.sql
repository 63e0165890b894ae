-- Returns the ids of the jobs that hold something, for a sentence: ten of them, and how many more there are.
CREATE OR REPLACE FUNCTION mainspring.ids_text(ids bigint[])
RETURNS text
LANGUAGE sql IMMUTABLE
RETURN format('job %s', array_to_string(ids[1:10], ', '))
    || CASE WHEN cardinality(ids) > 10 THEN format(' and %s more', cardinality(ids) - 10) ELSE '' END;
