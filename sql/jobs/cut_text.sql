-- Returns an error or a reason, cut at 8,000 characters. The end of a text that was cut says how much is missing.
CREATE OR REPLACE FUNCTION mainspring.cut_text(whole text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    -- No character is shorter than a byte, and a size is cheaper to read than a length.
    WHEN octet_length(whole) <= 8000 OR char_length(whole) <= 8000 THEN whole
    ELSE concat(left(whole, 8000), ' .. (', to_char(char_length(whole) - 8000, 'FM9,999,999,999'), ' more characters cut)')
END;
