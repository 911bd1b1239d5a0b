#include "config.h"

#include "cloud/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "sys/conf.h"

struct evconnlistener *
listen_tcp(struct event_base *base, struct str word, evconnlistener_cb accept,
    void *arg)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr *sa = (struct sockaddr *)&v4;
	socklen_t len = sizeof(v4);
	char host[CONF_HOST];
	uint16_t port;

	if (conf_hostport(word, host, &port) != 0)
		return (NULL);
	v4.sin_port = v6.sin6_port = htons(port);
	if (strcmp(host, "localhost") == 0)
		(void)strcpy(host, "127.0.0.1");
	if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
		sa = (struct sockaddr *)&v6;
		len = sizeof(v6);
	} else if (inet_pton(AF_INET, host, &v4.sin_addr) != 1)
		return (NULL);
	return (evconnlistener_new_bind(base, accept, arg,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
	    -1, sa, (int)len));
}
