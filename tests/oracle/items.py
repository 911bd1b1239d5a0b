"""The FETCH items that the oracle compares, one FETCH each."""

# Of the message itself.
WHOLE = [
    "RFC822.SIZE",
    "ENVELOPE",
    "BODY",
    "BODYSTRUCTURE",
    "RFC822",
    "RFC822.HEADER",
    "RFC822.TEXT",
    "BODY[]",
    "BODY.PEEK[]",
    "BODY.PEEK[]<0.10>",
    "BODY.PEEK[]<7.300>",
    "BODY.PEEK[]<1000.100000>",
    "BODY.PEEK[]<99999999.10>",
    "BODY.PEEK[HEADER]",
    "BODY.PEEK[HEADER]<50.20>",
    "BODY.PEEK[TEXT]",
    "BODY[TEXT]<3.17>",
    "BODY.PEEK[HEADER.FIELDS (Subject From To Date Message-ID)]",
    "BODY.PEEK[header.fields (received)]",
    'BODY.PEEK[HEADER.FIELDS ("Content-Type" MIME-Version)]',
    "BODY.PEEK[HEADER.FIELDS (X-No-Such-Field)]",
    "BODY.PEEK[HEADER.FIELDS (Subject Content-Type)]<2.9>",
    "BODY.PEEK[HEADER.FIELDS.NOT (Received)]",
    "BODY.PEEK[HEADER.FIELDS.NOT (Subject From To Date)]<5.60>",
    "BODY.PEEK[HEADER.FIELDS.NOT (Content-Type"
    " Content-Transfer-Encoding MIME-Version)]",
]

# Of its parts, whether they exist or not.
PARTS = [
    "BODY.PEEK[1]",
    "BODY.PEEK[1]<0.20>",
    "BODY.PEEK[1]<11.100>",
    "BODY.PEEK[1.MIME]",
    "BODY.PEEK[1.HEADER]",
    "BODY.PEEK[1.TEXT]",
    "BODY.PEEK[1.HEADER.FIELDS (Subject Content-Type)]",
    "BODY.PEEK[1.HEADER.FIELDS.NOT (Subject)]",
    "BODY.PEEK[1.1]",
    "BODY.PEEK[1.1.MIME]",
    "BODY.PEEK[1.2]",
    "BODY.PEEK[1.2.MIME]",
    "BODY.PEEK[1.1.1]",
    "BODY.PEEK[1.1.HEADER]",
    "BODY.PEEK[1.2.1]",
    "BODY[2]",
    "BODY.PEEK[2]<5.9>",
    "BODY.PEEK[2.MIME]",
    "BODY.PEEK[2.HEADER]",
    "BODY.PEEK[2.TEXT]",
    "BODY.PEEK[2.HEADER.FIELDS (From To Subject)]",
    "BODY.PEEK[2.HEADER.FIELDS.NOT (From To Subject)]<1.30>",
    "BODY.PEEK[2.1]",
    "BODY.PEEK[2.1.MIME]",
    "BODY.PEEK[2.1.1]",
    "BODY.PEEK[2.1.TEXT]",
    "BODY.PEEK[2.2]",
    "BODY.PEEK[2.2.MIME]",
    "BODY.PEEK[2.2.HEADER]",
    "BODY.PEEK[3]",
    "BODY.PEEK[3.MIME]",
    "BODY.PEEK[3.1]",
    "BODY.PEEK[3.2.HEADER]",
    "BODY.PEEK[4]",
    "BODY.PEEK[4.1.MIME]",
    "BODY.PEEK[5]",
    "BODY.PEEK[0]",
    "BODY.PEEK[17]",
]

VIEW = WHOLE + PARTS

# What the server answers beside it: only a proxy can be asked these.
MIXED = [
    "(FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)",
    "ALL",
    "FAST",
    "FULL",
    "(BODY.PEEK[HEADER] BODY.PEEK[TEXT] RFC822.SIZE)",
]
