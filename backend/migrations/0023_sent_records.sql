-- How far what a run logs on another machine has arrived: its records lie in a file there, which an
-- agent sends on. The offset moves in the same transaction as the records it covers, so that a piece
-- that is sent again adds nothing.

CREATE TABLE sent_records (
    run           INTEGER PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
    sent_offset   INTEGER NOT NULL         -- bytes of the file there
) STRICT;
