# Scripts and data of the tests and of contrib/.  Folders that the build
# makes too have to be listed file by file: make dist would take objects along.
EXTRA_DIST += .ci/run .clang-format .gitattributes .gitignore \
	contrib/check contrib/check-long contrib/demo contrib/deps \
	contrib/rig contrib/rig-conf contrib/style \
	tests/acme/acme tests/acme/hostile tests/acme/lib tests/acme/steps \
	tests/kms/cloudlib.py tests/kms/kms \
	tests/README tests/dialog \
	tests/lib/daemon.py tests/lib/device.py tests/lib/dlg.py \
	tests/lib/dlgrun.py tests/lib/fakecloud.py tests/lib/liar.py \
	tests/lib/mails.py tests/lib/rig.py tests/lib/smtpsink tests/lib/submitd \
	tests/lib/suite.py \
	tests/system/matrix tests/system/parent tests/system/parentlib.py \
	tests/system/p_1_processes.py tests/system/p_2_control.py \
	tests/system/p_3_pool.py tests/system/roles-keys \
	tests/system/system \
	tests/system/s_1_mail.py tests/system/s_2_pieces.py \
	tests/system/s_3_trouble.py tests/system/s_4_conf.py \
	tests/system/s_5_rig.py tests/system/s_6_bombs.py \
	tests/system/s_6_greedy.py tests/system/s_7_storm.py \
	tests/system/s_8_append.py tests/system/s_8_clients.py \
	tests/system/s_8_extensions.py tests/system/s_8_facts.py \
	tests/system/s_8_resync.py tests/system/s_9_harvest.py \
	tests/system/s_9_marker.py tests/system/s_9_warm.py
