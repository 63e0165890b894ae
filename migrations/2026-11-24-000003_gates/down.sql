-- Takes admission away; parked jobs stay parked.
DROP FUNCTION mainspring.admit(text[]);
