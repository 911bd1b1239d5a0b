dist_man_MANS = man/waxwing.conf.5
