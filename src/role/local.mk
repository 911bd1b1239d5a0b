noinst_LIBRARIES += src/role/librole.a
src_role_librole_a_SOURCES = src/role/role.c src/role/role.h
