# What lies outside the programs: the unit, its user, the configuration.

systemdsystemunit_DATA = systemd/waxwing.service systemd/waxwing-cloud.service
sysusersdir = $(prefix)/lib/sysusers.d
sysusers_DATA = systemd/waxwing.conf
EXTRA_DIST += systemd/waxwing.service.in systemd/waxwing-cloud.service.in \
	systemd/waxwing.conf
CLEANFILES += systemd/waxwing.service systemd/waxwing-cloud.service

$(systemdsystemunit_DATA): Makefile
	@$(MKDIR_P) systemd
	$(AM_V_GEN)sed -e 's,@sbindir[@],$(sbindir),g' \
	    -e 's,@sysconfdir[@],$(sysconfdir),g' \
	    $(top_srcdir)/$@.in >$@.tmp && mv $@.tmp $@
systemd/waxwing.service: $(top_srcdir)/systemd/waxwing.service.in
systemd/waxwing-cloud.service: $(top_srcdir)/systemd/waxwing-cloud.service.in

# A configuration that is there already is the administrator's.
confdir = $(sysconfdir)/waxwing
install-data-local:
	@for f in waxwing.conf waxwing-cloud.conf; do \
		test ! -f $(DESTDIR)$(confdir)/$$f || continue; \
		$(MKDIR_P) $(DESTDIR)$(confdir) && \
		$(INSTALL_DATA) $(top_srcdir)/conf/$$f \
		    $(DESTDIR)$(confdir)/$$f || exit 1; \
	done
uninstall-local:
	@for f in waxwing.conf waxwing-cloud.conf; do \
		if cmp -s $(top_srcdir)/conf/$$f \
		    $(DESTDIR)$(confdir)/$$f; then \
			rm -f $(DESTDIR)$(confdir)/$$f; \
		fi; \
	done; \
	rmdir $(DESTDIR)$(confdir) 2>/dev/null || :
