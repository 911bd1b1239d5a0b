#include "config.h"

#include "sealer/whose.h"

#include "sealer/owner.h"

int
whose_find(struct sealer *s, struct str account, struct str address,
    struct whose *w, struct err *err)
{
	const char *url = conf_str(s->self->conf, "cloud", "url");
	enum owner who;

	w->address[0] = '\0';
	w->of.store = s->store;
	w->of.address = STR("");
	if (url == NULL) {
		err_set(err, ERR_UNSUPPORTED, "there is no [cloud] url");
		return (-1);
	}
	w->of.url = str_c(url);
	if (owner_name(w->account, account, err) == -1)
		return (-1);
	w->of.account = str_c(w->account);
	if (address.len == 0)
		return (0);
	if (owner_name(w->address, address, err) == -1)
		return (-1);
	w->of.address = str_c(w->address);
	if (owner_of(s->self->conf, s->store, w->of.account, w->of.address,
	        &who, err) == -1)
		return (-1);
	if (who != OWNER_OTHER)
		return (0);
	err_set(err, ERR_DENIED, "%s belongs to another account than %s",
	    w->address, w->account);
	return (-1);
}
