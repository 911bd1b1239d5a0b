/*
 * tls.h - TLS contexts for both hops.
 */
#ifndef WAXWING_SYS_TLS_H
#define WAXWING_SYS_TLS_H

#include <openssl/ssl.h>

#include "base/blob.h"
#include "base/err.h"

/*
 * For clients: certificate chain and key in PEM, as the parent read them (the
 * proxy never opens files).  TLS 1.2 and later; no renegotiation,
 * no compression, session tickets off.  NULL with the reason.
 */
SSL_CTX *tls_server(struct str cert_pem, struct str key_pem, struct err *);

/* For upstreams: verified against the PEM anchors given, or the system's
 * when ca_pem is empty.  Name checks are set per connection by stream. */
SSL_CTX *tls_client(struct str ca_pem, struct err *);

/*
 * Make the certificate of this installation: P-256, self-signed, CA:FALSE,
 * serverAuth, SAN DNS:localhost first (mbsync and Outlook read the first),
 * then the host name, 127.0.0.1 and ::1.  PEM into cert and key.
 */
int tls_make_local(const char *hostname, struct buf *cert, struct buf *key,
    struct err *);

/* The queue of OpenSSL's errors as text into err, emptied. */
void tls_err(struct err *, enum err_code, const char *what);

#endif
