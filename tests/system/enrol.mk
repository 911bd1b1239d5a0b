# What the cloud's store holds, shown to the suite "enrol".
check_PROGRAMS += tests/system/store-cli
tests_system_store_cli_LDADD = $(CLOUD_LIBS)
EXTRA_DIST += tests/system/enrol tests/system/e_1_first.py \
	tests/system/e_2_devices.py \
	tests/system/e_3_trouble.py tests/system/k_kill.py
