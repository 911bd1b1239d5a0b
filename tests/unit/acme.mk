ACME_UNIT_LDADD = src/acme/libacme.a src/mail/libmail.a $(UNIT_LDADD) \
	$(JANSSON_LIBS) $(OPENSSL_LIBS)

ACME_TESTS = \
	tests/unit/t_b64url \
	tests/unit/t_email \
	tests/unit/t_jws \
	tests/unit/t_kms \
	tests/unit/t_object
check_PROGRAMS += $(ACME_TESTS)
TESTS += $(ACME_TESTS)
tests_unit_t_b64url_LDADD = $(ACME_UNIT_LDADD)
tests_unit_t_email_LDADD = $(ACME_UNIT_LDADD)
tests_unit_t_jws_LDADD = $(ACME_UNIT_LDADD)
tests_unit_t_kms_LDADD = $(ACME_UNIT_LDADD)
tests_unit_t_object_LDADD = $(ACME_UNIT_LDADD)
