noinst_LIBRARIES += src/proxy/libproxy.a
src_proxy_libproxy_a_SOURCES = \
	src/proxy/account.c src/proxy/account.h \
	src/proxy/boxname.c src/proxy/boxname.h \
	src/proxy/ahead.c src/proxy/ahead.h \
	src/proxy/candidate.c src/proxy/candidate.h \
	src/proxy/classes.c \
	src/proxy/append.c src/proxy/append.h \
	src/proxy/append_seal.c \
	src/proxy/challenge.c src/proxy/challenge.h \
	src/proxy/factdb.c src/proxy/factdb.h \
	src/proxy/facts.c src/proxy/facts.h src/proxy/facts_own.h \
	src/proxy/facts_room.c \
	src/proxy/facts_view.c \
	src/proxy/fetch_answer.c \
	src/proxy/fetch_views.c \
	src/proxy/finder.c src/proxy/finder.h \
	src/proxy/finder_judge.c src/proxy/finder_whole.c \
	src/proxy/gather.c src/proxy/gather.h \
	src/proxy/harvest.c src/proxy/harvest.h \
	src/proxy/held.c src/proxy/held.h \
	src/proxy/imap.h \
	src/proxy/imap_login.c \
	src/proxy/imap_reply.c \
	src/proxy/imap_router.c \
	src/proxy/imap_send.c \
	src/proxy/imap_session.c \
	src/proxy/imap_upstream.c src/proxy/imap_upstream.h \
	src/proxy/job.c src/proxy/job.h \
	src/proxy/job_fetch.c src/proxy/job_fetch.h \
	src/proxy/job_probe.c \
	src/proxy/job_pull.c \
	src/proxy/job_search.c \
	src/proxy/job_sort.c \
	src/proxy/late.c src/proxy/late.h \
	src/proxy/listener.c src/proxy/listener.h \
	src/proxy/mailbox.c src/proxy/mailbox.h \
	src/proxy/msgname.c src/proxy/msgname.h \
	src/proxy/opens.c src/proxy/opens.h \
	src/proxy/own.c src/proxy/own.h \
	src/proxy/proxy.c src/proxy/proxy.h \
	src/proxy/reading.c src/proxy/reading.h \
	src/proxy/recorder.c src/proxy/recorder.h \
	src/proxy/resync.c src/proxy/resync.h src/proxy/resync_own.h \
	src/proxy/resync_log.c \
	src/proxy/resync_look.c \
	src/proxy/resync_move.c src/proxy/resync_run.c \
	src/proxy/rules.c src/proxy/rules.h \
	src/proxy/seen.c src/proxy/seen.h \
	src/proxy/sentlog.c src/proxy/sentlog.h \
	src/proxy/side.c src/proxy/side.h \
	src/proxy/smtp_login.c \
	src/proxy/smtp_seal.c \
	src/proxy/smtp_send.c \
	src/proxy/smtp_session.c src/proxy/smtp_session.h \
	src/proxy/smtp_tx.c src/proxy/smtp_tx.h \
	src/proxy/smtp_up.c src/proxy/smtp_up.h \
	src/proxy/special.c src/proxy/special.h \
	src/proxy/throttle.c src/proxy/throttle.h \
	src/proxy/turn.h \
	src/proxy/upstream.c src/proxy/upstream.h \
	src/proxy/viewcache.c src/proxy/viewcache.h \
	src/proxy/viewdisk.c src/proxy/viewdisk.h \
	src/proxy/warm.c src/proxy/warm.h src/proxy/warm_own.h \
	src/proxy/warm_signed.c
WAXWINGD_ROLES += src/proxy/libproxy.a
