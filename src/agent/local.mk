noinst_LIBRARIES += src/agent/libagent.a
src_agent_libagent_a_SOURCES = \
	src/agent/agent.c src/agent/agent.h \
	src/agent/certlist.c src/agent/certlist.h \
	src/agent/crl.c src/agent/crl.h \
	src/agent/enrol.c src/agent/enrol.h src/agent/enrol_priv.h \
	src/agent/enrol_acme.c src/agent/enrol_rec.c src/agent/enrol_step.c \
	src/agent/enrol_find.c src/agent/enrol_mail.c \
	src/agent/enrol_take.c \
	src/agent/harvest.c \
	src/agent/http.c src/agent/http.h \
	src/agent/multipart.c src/agent/multipart.h \
	src/agent/op_cert.c \
	src/agent/op_enrol.c \
	src/agent/op_lookup.c \
	src/agent/post.c src/agent/post.h \
	src/agent/renew.c src/agent/renew.h \
	src/agent/resolve.c src/agent/resolve.h \
	src/agent/src_cloud.c src/agent/src_cloud.h \
	src/agent/state.h \
	src/agent/store.c src/agent/store.h \
	src/agent/txt.c src/agent/txt.h \
	src/agent/verify.c src/agent/verify.h
WAXWINGD_ROLES += src/agent/libagent.a
