# What lies outside the programs: the unit, its user, the configuration.

systemdsystemunit_DATA = systemd/waxwing.service
sysusersdir = $(prefix)/lib/sysusers.d
sysusers_DATA = systemd/waxwing.conf
EXTRA_DIST += systemd/waxwing.service.in systemd/waxwing.conf
CLEANFILES += systemd/waxwing.service

systemd/waxwing.service: $(top_srcdir)/systemd/waxwing.service.in Makefile
	@$(MKDIR_P) systemd
	$(AM_V_GEN)sed -e 's,@sbindir[@],$(sbindir),g' \
	    -e 's,@sysconfdir[@],$(sysconfdir),g' \
	    $(top_srcdir)/systemd/waxwing.service.in >$@.tmp && mv $@.tmp $@

# A configuration that is there already is the administrator's.
confdir = $(sysconfdir)/waxwing
install-data-local:
	@if test -f $(top_srcdir)/conf/waxwing.conf && \
	    test ! -f $(DESTDIR)$(confdir)/waxwing.conf; then \
		$(MKDIR_P) $(DESTDIR)$(confdir) && \
		$(INSTALL_DATA) $(top_srcdir)/conf/waxwing.conf \
		    $(DESTDIR)$(confdir)/waxwing.conf; \
	fi
uninstall-local:
	@if cmp -s $(top_srcdir)/conf/waxwing.conf \
	    $(DESTDIR)$(confdir)/waxwing.conf; then \
		rm -f $(DESTDIR)$(confdir)/waxwing.conf; \
		rmdir $(DESTDIR)$(confdir) 2>/dev/null || :; \
	fi
