/*
 * open_help.h - messages sealed to bob, and what bob sees of them.
 */
#ifndef WAXWING_TESTS_UNIT_OPEN_HELP_H
#define WAXWING_TESTS_UNIT_OPEN_HELP_H

#include "opener/open.h"
#include "smime_help.h"

#define AUTHSERV "0123456789abcdef"

/* Alice's header, and what she may have sealed: text, HTML in a multipart,
 * text with protected fields. */
extern const char outer_alice[], text_entity[], html_entity[], hp_entity[];

extern struct key *alice_sign, *bob_encrypt;
extern struct anchors *anchors; /* alice's issuer is trusted */

/* Run the tests beside these keys. */
int open_help_main(const char *name, const struct unit_test *);

/* Bob opens: his key, the anchors, nothing out of the ordinary. */
struct open_ctx ctx_bob(void);

/* A message: the outer header, then the entity sealed to bob, signed by alice
 * or by nobody; cipher: a NID. */
void seal(struct buf *out, const char *outer, struct str entity, bool sign,
    int cipher);
/* Open it; status: what it was the first time, or "". */
void open_it(const struct open_ctx *, const struct buf *wire, struct str status,
    struct open_out *out);

/* The view is: status, outer fields, this. */
void check_view(const struct open_out *, const char *outer, const char *entity);
/* It comes out as this, and its view is the status and the wire. */
void check_unopened(const struct open_ctx *, const struct buf *wire,
    enum open_result want);
/* Are these words in the status fields, in the view? */
bool status_has(const struct open_out *, const char *words);
bool view_has(const struct open_out *, const char *words);

#endif
