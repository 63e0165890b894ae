-- Returns an error or a reason, or NULL without one. One that has 100 characters more than the most is cut there, and its end says
-- how much is missing.
--
-- So a text that was cut is not cut again, with what stands before it. The file src/text.rs cuts at the same length.
CREATE OR REPLACE FUNCTION mainspring.cut_text(whole text, most integer DEFAULT 8000)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    -- No character is shorter than a byte, and a size is cheaper to read than a length.
    WHEN octet_length(whole) > most + 100 AND char_length(whole) > most + 100
        THEN concat(left(whole, most), ' .. (', to_char(char_length(whole) - most, 'FM9,999,999,999'), ' more characters cut)')
    ELSE whole
END;
