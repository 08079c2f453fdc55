-- Apps that are removed, until what their services keep is gone too.

CREATE TABLE leaving (
    app TEXT PRIMARY KEY
) WITHOUT ROWID;
