-- In which chain of calls an approval stands: the call that asked, and the one whose tool made it.
ALTER TABLE approvals ADD COLUMN call TEXT NOT NULL DEFAULT '';
ALTER TABLE approvals ADD COLUMN parent TEXT;
