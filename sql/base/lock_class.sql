-- Returns the class of the advisory locks with which changes of this schema exclude each other. The class is even. For
-- the schema `mainspring` it is the name's first bytes as a number, for another schema a hash.
CREATE OR REPLACE FUNCTION mainspring.lock_class()
RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE mainspring.channel() WHEN 'mainspring' THEN 1836216166 ELSE hashtext(mainspring.channel()) & 2147483646 END;
