# Scripts and data of the tests and of contrib/, all of them distributed.
EXTRA_DIST += .ci/run .clang-format contrib tests/dialog tests/lib \
	tests/system
