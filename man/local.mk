dist_man_MANS = man/waxwing-cloudd.8 man/waxwing.conf.5 man/waxwingctl.1 \
	man/waxwingd.8
