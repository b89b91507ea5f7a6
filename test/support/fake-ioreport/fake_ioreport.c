/*
 * A stand-in for macOS' libIOReport and for as much of CoreFoundation as it takes, in one library, so that the calls can be
 * tried without a Mac. Objects are counted: fake_live() tells how many were made and not released.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STRING = 1, DICTIONARY, ARRAY, SUBSCRIPTION, MAX = 64 };
typedef struct { char name[64], unit[16]; int64_t value; } Channel;
typedef struct Item { struct Object *owner; int index; } Item;
typedef struct Object {
  int kind, refs;
  char text[64];
  Channel channels[MAX]; /* of a dictionary */
  int n;
  struct Object *names[MAX], *units[MAX], *list;
  Item items[MAX]; /* of an array */
} Object;

static Channel now[MAX];
static int n_now, live, mode;

/* -- what tests steer -- */

void fake_reset(void) { n_now = 0; mode = 0; }
/* 0 all well; 1 no such group; 2 no subscription; 3 no samples any more. */
void fake_mode(int m) { mode = m; }
void fake_set(const char *name, const char *unit, int64_t value) {
  int i = 0;
  while (i < n_now && strcmp(now[i].name, name)) i++;
  if (i == n_now) n_now++;
  snprintf(now[i].name, sizeof now[i].name, "%s", name);
  snprintf(now[i].unit, sizeof now[i].unit, "%s", unit);
  now[i].value = value;
}
int fake_live(void) { return live; }

/* -- CoreFoundation -- */

static Object *make(int kind) {
  Object *o = calloc(1, sizeof *o);
  o->kind = kind;
  o->refs = 1;
  live++;
  return o;
}
void CFRelease(Object *o) {
  if (--o->refs > 0) return;
  for (int i = 0; i < o->n && o->kind == DICTIONARY; i++) {
    if (o->names[i]) CFRelease(o->names[i]);
    if (o->units[i]) CFRelease(o->units[i]);
  }
  if (o->list) CFRelease(o->list);
  live--;
  free(o);
}
Object *CFStringCreateWithCString(void *allocator, const char *text, uint32_t encoding) {
  if (allocator || encoding != 0x08000100) return NULL;
  Object *o = make(STRING);
  snprintf(o->text, sizeof o->text, "%s", text);
  return o;
}
unsigned char CFStringGetCString(Object *o, char *out, long room, uint32_t encoding) {
  if (o->kind != STRING || encoding != 0x08000100 || (long)strlen(o->text) >= room) return 0;
  strcpy(out, o->text);
  return 1;
}
Object *CFDictionaryCreateMutableCopy(void *allocator, long capacity, Object *from) {
  if (allocator || capacity || from->kind != DICTIONARY) return NULL;
  return make(DICTIONARY);
}
void *CFDictionaryGetValue(Object *o, Object *key) {
  return o->kind == DICTIONARY && strcmp(key->text, "IOReportChannels") == 0 ? o->list : NULL;
}
long CFArrayGetCount(Object *o) { return o->kind == ARRAY ? o->n : -1; }
void *CFArrayGetValueAtIndex(Object *o, long i) { return i < o->n ? &o->items[i] : NULL; }

/* -- IOReport -- */

Object *IOReportCopyChannelsInGroup(Object *group, void *subgroup, uint64_t a, uint64_t b, uint64_t c) {
  if (mode == 1 || subgroup || a || b || c || strcmp(group->text, "Energy Model")) return NULL;
  return make(DICTIONARY);
}
Object *IOReportCreateSubscription(void *a, Object *channels, Object **out, uint64_t b, void *c) {
  if (mode == 2 || a || b || c || channels->kind != DICTIONARY) return NULL;
  *out = channels;
  return make(SUBSCRIPTION);
}
Object *IOReportCreateSamples(Object *subscription, Object *channels, void *a) {
  if (mode == 3 || a || subscription->kind != SUBSCRIPTION || channels->kind != DICTIONARY) return NULL;
  Object *o = make(DICTIONARY);
  memcpy(o->channels, now, sizeof now);
  o->n = n_now;
  return o;
}
Object *IOReportCreateSamplesDelta(Object *before, Object *after, void *a) {
  if (a) return NULL;
  Object *o = make(DICTIONARY);
  o->n = after->n;
  o->list = make(ARRAY);
  o->list->n = after->n;
  for (int i = 0; i < after->n; i++) {
    o->channels[i] = after->channels[i];
    o->channels[i].value -= i < before->n ? before->channels[i].value : 0;
    o->list->items[i] = (Item){ .owner = o, .index = i };
  }
  return o;
}
static Object *string_of(Object **kept, const char *text) {
  if (!*kept) *kept = CFStringCreateWithCString(NULL, text, 0x08000100);
  return *kept; /* the dictionary's own: not to be released by the caller */
}
Object *IOReportChannelGetChannelName(Item *c) { return string_of(&c->owner->names[c->index], c->owner->channels[c->index].name); }
Object *IOReportChannelGetUnitLabel(Item *c) {
  const char *unit = c->owner->channels[c->index].unit;
  return *unit ? string_of(&c->owner->units[c->index], unit) : NULL;
}
int64_t IOReportSimpleGetIntegerValue(Item *c, int32_t index) { return index == 0 ? c->owner->channels[c->index].value : 0; }
