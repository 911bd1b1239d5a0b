noinst_LIBRARIES += src/sealer/libsealer.a
src_sealer_libsealer_a_SOURCES = \
	src/sealer/device.c src/sealer/device.h \
	src/sealer/keyring.c src/sealer/keyring.h \
	src/sealer/keystore.c src/sealer/keystore.h \
	src/sealer/op_bundle.c \
	src/sealer/op_cert.c \
	src/sealer/op_export.c \
	src/sealer/op_import.c \
	src/sealer/op_jws.c \
	src/sealer/op_list.c \
	src/sealer/op_seal.c \
	src/sealer/op_self.c \
	src/sealer/op_sender.c \
	src/sealer/owner.c src/sealer/owner.h \
	src/sealer/pins.c src/sealer/pins.h \
	src/sealer/recipients.c src/sealer/recipients.h \
	src/sealer/sealer.c src/sealer/sealer.h \
	src/sealer/slurp.c src/sealer/slurp.h \
	src/sealer/state.h \
	src/sealer/take.c src/sealer/take.h \
	src/sealer/taken.c src/sealer/taken.h \
	src/sealer/whose.c src/sealer/whose.h
WAXWINGD_ROLES += src/sealer/libsealer.a
