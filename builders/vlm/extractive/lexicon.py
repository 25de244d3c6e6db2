"""Words that mean about the same, names and what they name, peoples and their countries, people by what they do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

from nyxqa.builders.vlm.extractive.verbs import FORMS
from nyxqa.builders.vlm.extractive.vocabulary import TRADES, word_list


def _table(text: str) -> dict[str, str]:
    """``word: other words; word: ...`` as a table."""
    pairs = (entry.split(":") for entry in text.split(";") if entry.strip())
    return {word.strip(): " ".join(other.split()) for word, other in pairs}


# One phrase each that can stand in its place without another change; what a text says stays true.
SYNONYMS = _table(
    """novel: work of fiction; film: motion picture; movie: motion picture; country: nation; nation: country; writer:
    author; author: writer; physician: medical doctor; lawyer: attorney; statesman: political leader; largest:
    biggest; large: big; big: large; smallest: tiniest; small: little; located: situated; situated: located; famous:
    well-known; usually: as a rule; typically: as a rule; often: frequently; frequently: often; disease: illness;
    war: conflict; animal: creature; animals: creatures; region: area; area: region; areas: regions; regions: areas;
    company: firm; companies: firms; type: kind; types: kinds; kind: type; primarily: chiefly; mainly: mostly;
    mostly: mainly; various: different; several: various; throughout: all over; within: inside; founded: set up;
    established: set up; published: brought out; released: brought out; constructed: put up; built: put up;
    discovered: first found; invented: first devised; written: penned; completed: finished; created: made; designed:
    planned; divided: split; destroyed: ruined; became: turned into; become: turn into; receive: get; obtain: get;
    obtained: gotten; create: make; establish: set up; publish: bring out; defeat: beat; conquer: seize; conquered:
    seized; purchase: buy; construct: put up; consist: be composed; reside: live; depict: portray; employ: make use
    of; assist: help; require: need; attempt: try; occur: happen; occurs: happens; instrument: tool; tool: device;
    device: appliance; method: way; methods: ways; procedure: way; substance: material; branch: field; vehicle:
    means of transport; aircraft: flying machine; river: watercourse; lake: inland water; city: urban area; town:
    settlement; village: rural settlement; structure: construction; concept: idea; king: monarch; emperor: supreme
    ruler; ruler: sovereign; book: volume; books: volumes; painting: picture; sculpture: carved work; philosopher:
    thinker; scientist: researcher; politician: political figure; composer: author of music; painter: artist;
    important: significant; significant: important; major: chief; main: chief; widespread: common; ancient: very
    old; specific: particular; particular: specific; rapid: fast; ability: capacity; capacity: ability; amount:
    quantity; quantity: amount; absence: lack; lack: absence; usage: employment; production: making; manufacture:
    making; prominent: leading; renowned: celebrated; numerous: many; entire: whole; official: formal; connects:
    links; contains: holds; includes: takes in; produces: makes; uses: makes use of; consists: is made up; involves:
    brings in; used: employed; called: named; designed for: meant for; consisting: made up; using: by means of;
    intended: meant; located in: found in; caused by: due to; made of: consisting of; made from: produced out of;
    near: close to; approximately: roughly; during: in the course of; due to: because of; in order to: to; capital
    of: seat of government of; capital and: seat of government and; wrote: penned; often called: frequently named"""
)

COUNTRY_OF = _table(
    """American: the United States; Argentine: Argentina; Australian: Australia; Austrian: Austria; Belgian: Belgium;
    Brazilian: Brazil; British: Britain; Bulgarian: Bulgaria; Canadian: Canada; Chilean: Chile; Chinese: China;
    Colombian: Colombia; Cuban: Cuba; Czech: Bohemia; Danish: Denmark; Dutch: the Netherlands; Egyptian: Egypt;
    English: England; Ethiopian: Ethiopia; Finnish: Finland; French: France; German: Germany; Greek: Greece;
    Hungarian: Hungary; Icelandic: Iceland; Indian: India; Indonesian: Indonesia; Iranian: Iran; Iraqi: Iraq; Irish:
    Ireland; Israeli: Israel; Italian: Italy; Jamaican: Jamaica; Japanese: Japan; Kenyan: Kenya; Korean: Korea;
    Mexican: Mexico; Mongolian: Mongolia; Nigerian: Nigeria; Norwegian: Norway; Pakistani: Pakistan; Persian:
    Persia; Polish: Poland; Portuguese: Portugal; Roman: ancient Rome; Romanian: Romania; Russian: Russia; Scottish:
    Scotland; Serbian: Serbia; Spanish: Spain; Swedish: Sweden; Swiss: Switzerland; Turkish: Turkey; Ukrainian:
    Ukraine; Venezuelan: Venezuela; Vietnamese: Vietnam; Welsh: Wales"""
)

# What a name is, by its last word: a wider term, so that the question does not spell the answer.
CLASS_OF = _table(
    """Sea: body of water; Ocean: body of water; River: waterway; Lake: body of water; Bay: inlet; Gulf: inlet; Strait:
    waterway; Canal: waterway; Empire: state; Kingdom: state; Republic: state; Union: organisation; Dynasty: ruling
    house; War: conflict; Wars: conflicts; Revolution: upheaval; Rebellion: uprising; Battle: clash; Treaty:
    agreement; Agreement: accord; Road: street; Street: road; Avenue: street; University: school; College: school;
    School: place of learning; Institute: body; Academy: body; Prize: award; Award: prize; Medal: honour; Party:
    political body; Mountains: range; Mountain: peak; Alps: mountains; Desert: dry region; Province: part of a
    country; County: district; District: part of a city; Island: land in the sea; Islands: group of isles;
    Peninsula: stretch of land; Church: faith; Council: assembly; Parliament: assembly; Constitution: law; Act: law;
    Museum: collection; Theatre: stage; Games: competition; League: competition; Tour: competition; Cup:
    competition; Championship: contest; Century: age; Age: period; Renaissance: period; Company: firm; Corporation:
    firm; Army: force; Navy: force; Museums: collections; Palace: residence; Castle: stronghold; Cathedral: church;
    Temple: sanctuary; Bridge: crossing; Tower: building; Park: open space; Plateau: upland; Valley: lowland; Basin:
    lowland; Coast: shore; Forest: wood; Plain: lowland; States: country; Africa: part of the world; America: part
    of the world; Asia: part of the world; Europe: part of the world; East: part of the world"""
)

PERSONS = frozenset(
    [
        *TRADES,
        *word_list(
            """king queen emperor empress ruler monarch sultan pharaoh caliph pope bishop saint priest monk nun prophet
            president chancellor minister senator governor general admiral commander soldier officer warrior leader
            revolutionary activist feminist reformer reformist founder entrepreneur businessman businesswoman
            industrialist magnate banker merchant publisher editor author polymath scholar scientist researcher
            academic professor teacher educator critic essayist biographer linguist logician statistician
            cryptographer geographer cartographer navigator aviator astronaut cosmonaut naturalist zoologist
            geneticist microbiologist surgeon nurse inventor designer illustrator animator director producer
            filmmaker screenwriter comedian entertainer rapper songwriter guitarist drummer bassist vocalist
            bandleader soprano tenor footballer cricketer player boxer wrestler sprinter runner swimmer gymnast
            cyclist racer golfer champion athlete sportsman sportswoman coach martyr mystic missionary evangelist
            theorist thinker sociologist anthropologist archaeologist jurist judge aristocrat nobleman noblewoman
            duke prince princess dictator politician tsar khan shogun samurai conquistador pirate outlaw gangster
            chef model dramatist satirist humorist librettist virtuoso choreographer ballerina cinematographer
            figure man woman personality"""
        ),
    ]
)

_PHRASES = re.compile(
    r"(?<![-\w])(?:" + "|".join(sorted(map(re.escape, SYNONYMS), key=lambda word: (-len(word), word))) + r")(?![-\w])"
)
_PEOPLE = re.compile(
    r"\b(?P<article>[Aa]n?|[Tt]he) (?P<people>" + "|".join(COUNTRY_OF) + r") (?P<noun>[a-z]+)"
    r"(?=\?|,| (?:who|whose|in|at|of|for|best|that|during)\b)"
)
_WRONG_AN = re.compile(r"\b(?P<article>[Aa])n (?=[^aeiouAEIOUh\W])")
_WRONG_A = re.compile(r"\b(?P<article>[Aa]) (?=(?:[aeio]|un(?!i)|u[^n\W])\w)(?!one\b|once\b|eu|use)")


def reworded(question: str, most: int = 4) -> Iterator[str]:
    """``question`` and forms of it with up to ``most`` words replaced, the fewest first."""
    yield question
    turned = _PEOPLE.sub(_from_country, question)
    if turned != question:
        yield with_articles(turned)
    found = list(_PHRASES.finditer(turned))[:6]
    for count in range(1, min(most, len(found)) + 1):
        for chosen in combinations(found, count):
            text = turned
            for match in reversed(chosen):
                text = text[: match.start()] + SYNONYMS[match.group()] + text[match.end() :]
            yield with_articles(text)


def with_articles(text: str) -> str:
    """``text`` with ``a`` and ``an`` as the next word wants."""
    return _WRONG_A.sub(r"\g<article>n ", _WRONG_AN.sub(r"\g<article> ", text))


def _from_country(match: re.Match[str]) -> str:
    noun = match["noun"]
    if noun not in PERSONS:
        return match.group()
    return f"{match['article']} {noun} from {COUNTRY_OF[match['people']]}"


def _said_as() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for said, other in SYNONYMS.items():
        for word in other.split():
            found.setdefault(word, set()).update(said.split())
    for people, country in COUNTRY_OF.items():
        found.setdefault(country.split()[-1].lower(), set()).add(people.lower())
    for base, forms in FORMS.items():
        found.setdefault(base, set()).update(forms)
    return {word: frozenset(several) for word, several in found.items()}


# What a document may say for a word of a question: what it stands for, and the forms of a verb.
SAID_AS = _said_as()
