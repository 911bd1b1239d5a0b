noinst_LIBRARIES += src/role/librole.a src/role/libidle.a
src_role_librole_a_SOURCES = src/role/role.c src/role/role.h
src_role_libidle_a_SOURCES = \
	src/role/idle.c src/role/idle.h \
	src/role/idle_proxy.c
