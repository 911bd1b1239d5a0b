#include "config.h"

#include "sys/resolv.h"

#include <arpa/inet.h>
#include <event2/dns.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define RESOLV_CONF "/etc/resolv.conf"

struct resolv {
	struct evdns_base *dns; /* owned */
	struct timespec read;   /* when resolv.conf changed last, as we know */
};

/* Read resolv.conf if it is another one than last time: a laptop moves. */
static void
refresh(struct resolv *r)
{
	struct stat st;

	if (stat(RESOLV_CONF, &st) != 0 ||
	    (st.st_mtim.tv_sec == r->read.tv_sec &&
	        st.st_mtim.tv_nsec == r->read.tv_nsec))
		return;
	r->read = st.st_mtim;
	(void)evdns_base_clear_nameservers_and_suspend(r->dns);
	evdns_base_search_clear(r->dns);
	/* A missing or empty file leaves the server on 127.0.0.1. */
	(void)evdns_base_resolv_conf_parse(r->dns, DNS_OPTIONS_ALL,
	    RESOLV_CONF);
	(void)evdns_base_resume(r->dns);
}

struct resolv *
resolv_new(struct event_base *base, struct err *err)
{
	struct resolv *r;

	if ((r = calloc(1, sizeof(*r))) == NULL ||
	    (r->dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE)) ==
	        NULL) {
		free(r);
		err_set(err, ERR_MEMORY, "cannot start the resolver");
		return (NULL);
	}
	(void)evdns_base_load_hosts(r->dns, NULL);
	refresh(r);
	return (r);
}

void
resolv_free(struct resolv *r)
{
	if (r == NULL)
		return;
	evdns_base_free(r->dns, 1);
	free(r);
}

struct evdns_base *
resolv_base(struct resolv *r)
{
	refresh(r);
	return (r->dns);
}

size_t
resolv_servers(struct event_base *base, struct sockaddr_storage *out,
    size_t max)
{
	struct evdns_base *dns = evdns_base_new(base, 0);
	size_t n = 0;
	int i, len;

	if (dns == NULL)
		return (0);
	(void)evdns_base_resolv_conf_parse(dns, DNS_OPTION_NAMESERVERS,
	    RESOLV_CONF);
	for (i = 0; i < evdns_base_count_nameservers(dns) && n < max; i++) {
		len = evdns_base_get_nameserver_addr(dns, i,
		    (struct sockaddr *)&out[n], sizeof(out[n]));
		if (len > 0 && (size_t)len <= sizeof(out[n]))
			n++;
	}
	evdns_base_free(dns, 0);
	return (n);
}

bool
resolv_is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (strcasecmp(host, "localhost") == 0)
		return (true);
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ((ntohl(v4.s_addr) >> 24) == 127);
	return (
	    inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6));
}
