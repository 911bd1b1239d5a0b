dist_man_MANS = man/waxwing.conf.5 man/waxwingctl.1 man/waxwingd.8
