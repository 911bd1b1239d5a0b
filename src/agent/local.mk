noinst_LIBRARIES += src/agent/libagent.a
src_agent_libagent_a_SOURCES = \
	src/agent/agent.c src/agent/agent.h \
	src/agent/certlist.c src/agent/certlist.h \
	src/agent/op_cert.c \
	src/agent/op_lookup.c \
	src/agent/resolve.c src/agent/resolve.h \
	src/agent/state.h \
	src/agent/store.c src/agent/store.h \
	src/agent/verify.c src/agent/verify.h
WAXWINGD_ROLES += src/agent/libagent.a
