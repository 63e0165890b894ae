-- Returns the channel of this schema's notifications: its name.
CREATE OR REPLACE FUNCTION mainspring.channel()
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (parse_ident('mainspring.channel'))[1];
