/*
 * store-cli - print a table of the cloud's store for tests.
 *
 * usage: store-cli DIR TABLE
 *
 * One line a record: its id, a tab, its value.
 */
#include "config.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cloud/store.h"

static int
on_record(struct str id, struct str value, void *arg)
{
	(void)arg;
	(void)printf("%.*s\t%.*s\n", (int)id.len, id.p, (int)value.len,
	    value.p);
	return (0);
}

int
main(int argc, char *argv[])
{
	struct store *s;
	struct stat st;
	struct err err;
	int rc;

	if (argc != 3) {
		(void)fputs("usage: store-cli DIR TABLE\n", stderr);
		return (2);
	}
	/* the store is its owner's alone */
	if (stat(argv[1], &st) != 0 || setegid(st.st_gid) != 0 ||
	    seteuid(st.st_uid) != 0) {
		perror(argv[1]);
		return (1);
	}
	if ((s = store_open(argv[1], &err)) == NULL) {
		(void)fprintf(stderr, "store-cli: %s\n", err.text);
		return (1);
	}
	rc = store_walk(s, argv[2], STR(""), on_record, NULL, &err);
	if (rc != 0)
		(void)fprintf(stderr, "store-cli: %s\n", err.text);
	store_close(s);
	return (rc == 0 ? 0 : 1);
}
