-- Returns an error or a reason, or NULL without one. One of more than 8,100 characters is cut at 8,000, and its end says how much
-- is missing.
--
-- So a text that was cut is not cut again, with what stands before it. The file src/text.rs cuts at the same length.
CREATE OR REPLACE FUNCTION mainspring.cut_text(whole text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    -- No character is shorter than a byte, and a size is cheaper to read than a length.
    WHEN octet_length(whole) > 8100 AND char_length(whole) > 8100
        THEN concat(left(whole, 8000), ' .. (', to_char(char_length(whole) - 8000, 'FM9,999,999,999'), ' more characters cut)')
    ELSE whole
END;
