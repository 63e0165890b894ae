-- The class of the advisory locks with which this schema's own changes exclude each other. Workers hold locks of the
-- class behind it while they live. It is even: for the schema `mainspring` its first bytes as a number, for another a hash.
CREATE OR REPLACE FUNCTION mainspring.lock_class()
RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE mainspring.channel() WHEN 'mainspring' THEN 1836216166 ELSE hashtext(mainspring.channel()) & 2147483646 END;
