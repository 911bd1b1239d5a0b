#include "config.h"

#include "proxy/special.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "imap/lex.h"

/* Longest name that is looked at. */
#define NAME_MAX_LEN 1000

struct named {
	char *name; /* owned */
	size_t len;
	enum special_kind kind;
};

struct special {
	struct named list[SPECIAL_MAX];
	size_t n;
	bool more; /* than is in the list: which, nobody knows */
};

/*
 * The names, in UTF-8, as Thunderbird, Outlook, Apple Mail, Gmail, K-9,
 * Roundcube and Horde make them when they speak that language.
 */
static const char *const sent[] = {
    /* English */
    "Sent", "Sent Items", "Sent Messages", "Sent Mail", "Sent-Mail",
    "Sent Objects",
    /* German */
    "Gesendet", "Gesendete Elemente", "Gesendete Objekte",
    "Gesendete Nachrichten", "Gesendete E-Mails", "Gesendete Mails",
    /* French */
    "Envoyés", "Envoyé", "Éléments envoyés", "Messages envoyés",
    "Courrier envoyé", "Objets envoyés",
    /* Spanish, Catalan */
    "Enviados", "Elementos enviados", "Mensajes enviados", "Correo enviado",
    "Enviats", "Elements enviats",
    /* Italian */
    "Inviati", "Inviata", "Posta inviata", "Messaggi inviati",
    "Elementi inviati",
    /* Portuguese */
    "Enviadas", "Itens enviados", "Mensagens enviadas", "E-mails enviados",
    "Correio enviado",
    /* Dutch */
    "Verzonden", "Verzonden items", "Verzonden berichten", "Verstuurd",
    "Verzonden e-mail",
    /* Polish */
    "Wysłane", "Elementy wysłane", "Wysłane wiadomości", "Wysłane elementy",
    /* Czech, Slovak */
    "Odeslané", "Odeslaná pošta", "Odeslané zprávy", "Odeslané položky",
    "Odoslané", "Odoslaná pošta", "Odoslané správy",
    /* Russian, Ukrainian, Bulgarian */
    "Отправленные", "Отправленные письма", "Отправленные элементы", "Надіслані",
    "Надіслані елементи", "Відправлені", "Изпратени", "Изпратени елементи",
    /* Swedish, Danish, Norwegian */
    "Skickat", "Skickade", "Skickade objekt", "Skickade meddelanden", "Sendt",
    "Sendte elementer", "Sendt post", "Sendte beskeder", "Sendte meldinger",
    "Sendte e-poster",
    /* Finnish */
    "Lähetetyt", "Lähetetyt kohteet", "Lähetetyt viestit",
    /* Hungarian, Romanian, Croatian, Slovenian */
    "Elküldött", "Elküldött elemek", "Elküldött levelek", "Elküldött üzenetek",
    "Trimise", "Elemente trimise", "Mesaje trimise", "Poslano",
    "Poslane stavke",
    /* Turkish */
    "Gönderilmiş", "Gönderilmiş Öğeler", "Gönderilmiş Postalar",
    "Gönderilmiş İletiler", "Gönderilenler", "Gönderildi",
    /* Greek */
    "Απεσταλμένα", "Απεσταλμένα στοιχεία", "Σταλθέντα",
    /* Chinese */
    "已发送", "已发送邮件", "已发送的邮件", "已发邮件", "已寄出", "寄件備份",
    "寄件備份匣", "已傳送的郵件", "已寄送的郵件",
    /* Japanese */
    "送信済み", "送信済みアイテム", "送信済みトレイ", "送信済みメール",
    "送信済みメッセージ", "送信済メール",
    /* Korean */
    "보낸 편지함", "보낸편지함", "보낸 메일함", "보낸메일함", "보낸 항목",
    /* Arabic, Hebrew, Vietnamese, Indonesian */
    "المرسلة", "العناصر المرسلة", "البريد المرسل", "פריטים שנשלחו", "Đã gửi",
    "Thư đã gửi", "Mục đã gửi", "Terkirim", "Item Terkirim"};

static const char *const drafts[] = {
    /* English */
    "Drafts", "Draft",
    /* German */
    "Entwürfe", "Entwurf",
    /* French */
    "Brouillons", "Brouillon",
    /* Spanish, Catalan */
    "Borradores", "Borrador", "Esborranys",
    /* Italian */
    "Bozze",
    /* Portuguese */
    "Rascunhos", "Rascunho",
    /* Dutch */
    "Concepten",
    /* Polish */
    "Szkice", "Wersje robocze", "Kopie robocze", "Robocze",
    /* Czech, Slovak */
    "Koncepty", "Rozepsané", "Rozpísané",
    /* Russian, Ukrainian, Bulgarian */
    "Черновики", "Чернетки", "Чернови",
    /* Swedish, Danish, Norwegian */
    "Utkast", "Kladder", "Kladde", "Kladd", "Udkast",
    /* Finnish */
    "Luonnokset",
    /* Hungarian, Romanian, Croatian, Slovenian */
    "Piszkozatok", "Schițe", "Schiţe", "Ciorne", "Skice", "Osnutki",
    /* Turkish */
    "Taslaklar",
    /* Greek */
    "Πρόχειρα",
    /* Chinese */
    "草稿", "草稿箱", "草稿夹", "草稿匣",
    /* Japanese */
    "下書き", "下書きトレイ",
    /* Korean */
    "임시 보관함", "임시보관함", "임시 저장함",
    /* Arabic, Hebrew, Vietnamese, Indonesian */
    "مسودات", "المسودات", "טיוטות", "Nháp", "Thư nháp", "Draf", "Konsep"};

struct special *
special_new(void)
{
	return (calloc(1, sizeof(struct special)));
}

void
special_free(struct special *sp)
{
	size_t i;

	if (sp == NULL)
		return;
	for (i = 0; i < sp->n; i++)
		free(sp->list[i].name);
	free(sp);
}

static int
base64_value(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                             "abcdefghijklmnopqrstuvwxyz0123456789+,";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return (at == NULL ? -1 : (int)(at - digits));
}

/* A character in UTF-8.  What lies beyond the BMP is in no name of ours. */
static void
put_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80)
		buf_putc(out, (char)c);
	else if (c < 0x800) {
		buf_putc(out, (char)(0xc0 | c >> 6));
		buf_putc(out, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_putc(out, (char)(0xe0 | c >> 12));
		buf_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_putc(out, (char)(0x80 | (c & 0x3f)));
	}
}

/* Modified UTF-7 to UTF-8; what is none stays as it is. */
static void
decode(struct str name, struct buf *out)
{
	uint32_t bits = 0;
	unsigned have = 0;
	bool shifted = false;
	size_t i;
	int v;

	for (i = 0; i < name.len; i++) {
		if (!shifted && name.p[i] != '&')
			buf_putc(out, name.p[i]);
		else if (!shifted) {
			shifted = true;
			bits = have = 0;
		} else if ((v = base64_value(name.p[i])) == -1) {
			if (name.p[i - 1] == '&')
				buf_putc(out, '&');
			if (name.p[i] != '-')
				buf_putc(out, name.p[i]);
			shifted = false;
		} else {
			bits = (bits << 6 | (uint32_t)v) & 0x3fffff;
			have += 6;
			if (have >= 16) {
				have -= 16;
				put_utf8(out, bits >> have & 0xffff);
			}
		}
	}
}

static bool
is_separator(char c)
{
	return (c == '/' || c == '.' || c == '\\');
}

/* Servers forgive a separator at the end. */
static struct str
without_end(struct str name)
{
	while (name.len > 0 && is_separator(name.p[name.len - 1]))
		name.len--;
	return (name);
}

/* What follows the last hierarchy separator, whichever of them it is. */
static struct str
last_part(struct str name)
{
	size_t i;

	name = without_end(name);
	for (i = name.len; i > 0 && !is_separator(name.p[i - 1]); i--)
		;
	return (str_of(name.p + i, name.len - i));
}

static bool
is_in(const char *const *names, size_t n, struct str name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (str_ieq(name, str_c(names[i])))
			return (true);
	return (false);
}

static enum special_kind
kind_by_name(struct str name)
{
	enum special_kind kind = SPECIAL_NONE;
	struct buf utf8;
	struct str last;

	if (name.len > NAME_MAX_LEN)
		return (SPECIAL_NONE);
	buf_init(&utf8, 3 * NAME_MAX_LEN);
	decode(name, &utf8);
	last = last_part(buf_text(&utf8));
	if (is_in(sent, sizeof(sent) / sizeof(sent[0]), last))
		kind = SPECIAL_SENT;
	else if (is_in(drafts, sizeof(drafts) / sizeof(drafts[0]), last))
		kind = SPECIAL_DRAFTS;
	buf_clear(&utf8);
	return (kind);
}

/*
 * Where both are said of a mailbox, it holds drafts: nothing of them may go in
 * clear, whatever is known of mail that was sent.  Case does not count, for
 * there are servers that ignore it, and with "INBOX" in front all do.
 */
enum special_kind
special_kind(const struct special *sp, struct str name)
{
	enum special_kind kind = kind_by_name(name);
	struct str plain = without_end(name);
	size_t i;

	for (i = 0; sp != NULL && i < sp->n; i++)
		if (kind != SPECIAL_DRAFTS &&
		    str_ieq(str_of(sp->list[i].name, sp->list[i].len), plain))
			kind = sp->list[i].kind;
	if (kind == SPECIAL_NONE && sp != NULL && sp->more)
		kind = SPECIAL_DRAFTS;
	return (kind);
}

/* The attributes of a LIST response. */
static bool
read_flags(struct tok *t, enum special_kind *kind)
{
	struct str flag;

	*kind = SPECIAL_NONE;
	if (!tok_char(t, '('))
		return (false);
	while (!tok_char(t, ')')) {
		if (!tok_flag(t, &flag))
			return (false);
		if (str_ieq(flag, STR("\\Drafts")))
			*kind = SPECIAL_DRAFTS;
		else if (str_ieq(flag, STR("\\Sent")) && *kind == SPECIAL_NONE)
			*kind = SPECIAL_SENT;
		(void)tok_char(t, ' ');
	}
	return (true);
}

/* False: there is no room for it. */
static bool
add(struct special *sp, struct str name, enum special_kind kind)
{
	struct named *n = &sp->list[sp->n];
	size_t i;

	name = without_end(name);
	for (i = 0; i < sp->n; i++)
		if (sp->list[i].kind == kind &&
		    str_eq(str_of(sp->list[i].name, sp->list[i].len), name))
			return (true);
	if (sp->n == SPECIAL_MAX || name.len > NAME_MAX_LEN ||
	    (n->name = malloc(name.len + 1)) == NULL)
		return (false);
	memcpy(n->name, name.p, name.len);
	n->len = name.len;
	n->kind = kind;
	sp->n++;
	return (true);
}

bool
special_mentioned(struct str line)
{
	static const char *const words[] = {"\\Sent", "\\Drafts"};
	size_t i, k;

	if (!str_istarts(line, STR("* LIST ")))
		return (false);
	for (i = 0; i < line.len; i++)
		for (k = 0; line.p[i] == '\\' && k < 2; k++)
			if (str_istarts(str_of(line.p + i, line.len - i),
			        str_c(words[k])))
				return (true);
	return (false);
}

void
special_read(struct special *sp, struct str line)
{
	enum special_kind kind;
	struct arena arena;
	struct str word;
	struct tok t;

	if (!special_mentioned(line))
		return;
	arena_init(&arena, 16 * NAME_MAX_LEN);
	tok_init(&t, str_trim(line));
	if (!tok_char(&t, '*') || !tok_char(&t, ' ') || !tok_atom(&t, &word) ||
	    !tok_char(&t, ' ') || !read_flags(&t, &kind) ||
	    !tok_char(&t, ' ') || !tok_value(&t, &word) || !tok_char(&t, ' ') ||
	    !tok_astring(&t, &arena, &word) ||
	    (kind != SPECIAL_NONE && !add(sp, word, kind)))
		sp->more = true;
	arena_clear(&arena);
}
