#define _POSIX_C_SOURCE 200809L

#include "scenario.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct entry {
    const char *key; /* NULL: free */
    const char *value;
};

/* Immutable once it is read; shared by all calls in progress, and freed with the last of them. */
struct scenario {
    struct stat status;
    char path[1024];
    unsigned int held;
    char *text;
    struct entry *entries;
    size_t mask;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static scenario *current;

static size_t hash(const char *key)
{
    size_t sum = 5381;
    for (; *key != '\0'; key++)
        sum = sum * 33 + (unsigned char)*key;
    return sum;
}

static void keep(scenario *made, const char *key, const char *value)
{
    size_t place = hash(key) & made->mask;
    while (made->entries[place].key != NULL)
        place = (place + 1) & made->mask;
    made->entries[place] = (struct entry){key, value};
}

static char *trimmed(char *from, char *to)
{
    while (from < to && *from == ' ')
        from++;
    while (to > from && to[-1] == ' ')
        to--;
    *to = '\0';
    return from;
}

static void parse(scenario *made)
{
    for (char *line = made->text; *line != '\0';) {
        char *end = line + strcspn(line, "\n");
        char *next = *end == '\0' ? end : end + 1;
        char *equals = memchr(line, '=', (size_t)(end - line));
        if (*line != '#' && equals != NULL) {
            const char *value = trimmed(equals + 1, end);
            keep(made, trimmed(line, equals), value);
        }
        line = next;
    }
}

static char *read_whole(int file, size_t size)
{
    size_t filled = 0;
    char *text = malloc(size + 1);
    while (text != NULL && filled < size) {
        ssize_t got = read(file, text + filled, size - filled);
        if (got <= 0)
            break;
        filled += (size_t)got;
    }
    if (text != NULL)
        text[filled] = '\0';
    return text;
}

static void discard(scenario *made)
{
    free(made->text);
    free(made->entries);
    free(made);
}

static scenario *read_scenario(const char *path)
{
    scenario *made = calloc(1, sizeof *made);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (made != NULL && file >= 0 && fstat(file, &made->status) == 0)
        made->text = read_whole(file, (size_t)made->status.st_size);
    if (file >= 0)
        close(file);
    size_t lines = 1;
    for (const char *at = made == NULL ? NULL : made->text; at != NULL && *at != '\0'; at++)
        lines += *at == '\n';
    size_t room = 16;
    while (room < 2 * lines)
        room *= 2;
    if (made != NULL && made->text != NULL)
        made->entries = calloc(room, sizeof *made->entries);
    if (made == NULL || made->entries == NULL) {
        if (made != NULL)
            discard(made);
        return NULL;
    }
    made->mask = room - 1;
    snprintf(made->path, sizeof made->path, "%s", path);
    parse(made);
    return made;
}

static bool is_current(const char *path)
{
    struct stat status;
    return current != NULL && strcmp(current->path, path) == 0 && stat(path, &status) == 0
        && status.st_ino == current->status.st_ino && status.st_dev == current->status.st_dev
        && status.st_size == current->status.st_size && status.st_mtim.tv_sec == current->status.st_mtim.tv_sec
        && status.st_mtim.tv_nsec == current->status.st_mtim.tv_nsec;
}

static void release(scenario *held)
{
    if (--held->held == 0)
        discard(held);
}

scenario *scenario_now(void)
{
    const char *path = getenv("TAXIMETER_FAKE_NVML_SCENARIO");
    scenario *found = NULL;
    pthread_mutex_lock(&mutex);
    if (path != NULL && !is_current(path)) {
        if (current != NULL)
            release(current);
        current = read_scenario(path);
        if (current != NULL)
            current->held = 1;
    }
    if (path != NULL && current != NULL) {
        found = current;
        found->held++;
    }
    pthread_mutex_unlock(&mutex);
    if (found == NULL)
        fprintf(stderr, "fake NVML: TAXIMETER_FAKE_NVML_SCENARIO names no readable file: %s\n", path ? path : "(unset)");
    return found;
}

void scenario_done(scenario *held)
{
    pthread_mutex_lock(&mutex);
    release(held);
    pthread_mutex_unlock(&mutex);
}

const char *scenario_find(const scenario *held, const char *key)
{
    for (size_t place = hash(key) & held->mask; held->entries[place].key != NULL; place = (place + 1) & held->mask)
        if (strcmp(held->entries[place].key, key) == 0)
            return held->entries[place].value;
    return NULL;
}

bool scenario_number(const scenario *held, const char *key, unsigned long long *value)
{
    const char *at = scenario_find(held, key);
    if (at == NULL || *at == '\0')
        return false;
    *value = strtoull(at, NULL, 10);
    return true;
}

bool scenario_is_set(const scenario *held, const char *key)
{
    unsigned long long value;
    return scenario_number(held, key, &value) && value != 0;
}
