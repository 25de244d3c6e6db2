"""Small fixed vocabularies: words of one kind, each a plausible wrong option for another."""

from __future__ import annotations


def word_list(text: str) -> list[str]:
    """The words of a list written as one string."""
    return text.split()


COLOURS = word_list(
    "black white red green blue yellow orange purple pink brown grey gray gold golden silver crimson scarlet "
    "turquoise violet beige maroon magenta cyan"
)
DIRECTIONS = word_list("north south east west northeast northwest southeast southwest")
SIDES = word_list("left right top bottom")
ORIENTATIONS = word_list("horizontal vertical diagonal curved")
SHAPES = word_list(
    "circle square triangle rectangle hexagon pentagon octagon star cross disc crescent oval ellipse spiral sphere "
    "cube cone cylinder pyramid diamond parabola ring"
)
NUMBERS = word_list(
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen twenty thirty forty fifty"
)
ORDINALS = word_list("second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth")
MONTHS = word_list("January February March April May June July August September October November December")
WEEKDAYS = word_list("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
PLANETS = word_list("Mercury Venus Earth Mars Jupiter Saturn Uranus Neptune")
ELEMENTS = word_list(
    "hydrogen helium lithium carbon nitrogen oxygen fluorine neon sodium magnesium aluminium silicon phosphorus "
    "sulfur chlorine argon potassium calcium titanium chromium manganese iron cobalt nickel copper zinc bromine "
    "iodine tin platinum mercury uranium"
)
CONTINENTS = word_list("Africa Antarctica Asia Europe Oceania")
OCEANS = ["Atlantic Ocean", "Pacific Ocean", "Indian Ocean", "Arctic Ocean", "Southern Ocean"]
COUNTRIES = word_list(
    "Argentina Australia Austria Belgium Brazil Canada Chile China Colombia Cuba Denmark Egypt Ethiopia Finland France "
    "Germany Ghana Greece Hungary Iceland India Indonesia Iran Iraq Ireland Israel Italy Japan Kenya Luxembourg Mexico "
    "Morocco Netherlands Nigeria Norway Pakistan Peru Poland Portugal Romania Russia Spain Sudan Sweden Switzerland "
    "Thailand Turkey Ukraine Vietnam England Scotland"
)
CITIES = word_list(
    "Amsterdam Athens Baghdad Barcelona Beijing Berlin Brussels Budapest Cairo Chicago Copenhagen Delhi Dublin Geneva "
    "Hamburg Istanbul Jerusalem Lisbon London Madrid Milan Moscow Mumbai Munich Naples Oslo Paris Prague Rome "
    "Shanghai Stockholm Tokyo Vienna Warsaw"
)
PEOPLES = word_list(
    "American Arab Australian Austrian Belgian Brazilian British Canadian Chinese Danish Dutch Egyptian English "
    "Finnish French German Greek Hungarian Indian Iranian Irish Israeli Italian Japanese Korean Mexican Norwegian "
    "Ottoman Persian Polish Portuguese Roman Russian Scottish Spanish Swedish Swiss Turkish Ukrainian"
)
LANGUAGES = word_list("Arabic Latin Sanskrit Hebrew Hindi Aramaic Tamil Mandarin")
TRADES = word_list(
    "actor actress architect artist astronomer biologist botanist chemist composer conductor dancer diplomat dramatist "
    "economist engineer explorer geologist historian inventor journalist lawyer mathematician musician novelist "
    "painter philosopher photographer physician physicist pianist playwright poet politician psychologist sculptor "
    "singer statesman theologian violinist writer"
)

# Fallbacks for names if a document contains too few.
PEOPLE = [
    name.replace("_", " ")
    for name in word_list(
        """Ada_Lovelace Alan_Turing Albert_Einstein Alexander_Fleming Charles_Darwin Emmy_Noether Ernest_Rutherford
        Florence_Nightingale Galileo_Galilei Isaac_Newton James_Maxwell Johannes_Kepler Louis_Pasteur Marie_Curie
        Max_Planck Michael_Faraday Niels_Bohr Nikola_Tesla Rosa_Luxemburg Simone_Weil Thomas_Edison Virginia_Woolf"""
    )
]
PLACES = [*CITIES, *COUNTRIES]

_KINDS: dict[str, list[str]] = {
    "colour": COLOURS,
    "direction": DIRECTIONS,
    "side": SIDES,
    "orientation": ORIENTATIONS,
    "shape": SHAPES,
    "count": NUMBERS,
    "ordinal": ORDINALS,
    "month": MONTHS,
    "weekday": WEEKDAYS,
    "element": ELEMENTS,
    "planet": PLANETS,
    "continent": CONTINENTS,
    "ocean": OCEANS,
    "country": COUNTRIES,
    "city": CITIES,
    "people": PEOPLES,
    "language": LANGUAGES,
    "trade": TRADES,
}
# The first kind that lists a word wins; Mercury (planet) and mercury (element) differ by their capital.
_KIND_OF: dict[str, str] = {}
for _kind, _members in _KINDS.items():
    for _member in _members:
        _KIND_OF.setdefault(_member, _kind)

# Synonyms: as options they would make two correct answers.
_SYNONYMS = [{"gold", "golden", "yellow"}, {"grey", "gray", "silver"}, {"crimson", "scarlet", "red", "maroon"}]


def kind_of_word(word: str) -> str | None:
    """The vocabulary that lists ``word``; names are listed with capitals, other words without."""
    return _KIND_OF.get(word) or _KIND_OF.get(word.lower() if word[:1].isupper() and word.lower() in COLOURS else word)


def alternatives(word: str) -> list[str]:
    """The other words of the vocabulary of ``word`` without its synonyms; empty for an unlisted word."""
    kind = kind_of_word(word)
    if kind is None:
        return []
    return [member for member in _KINDS[kind] if not are_synonyms(member, word)]


def are_synonyms(one: str, other: str) -> bool:
    """Whether two words mean the same."""
    pair = {one.lower(), other.lower()}
    return len(pair) == 1 or any(pair <= group for group in _SYNONYMS)


STOP_WORDS = frozenset(
    word_list(
        """a about above after again all along also although among an and another any are around as at away be because
    been before being below between both but by can could did do does done down during each either else ever every
    few first for from further had has have having he her here hers him his how however i if in into is it its itself
    just later less like made main many may might more most much must near nearly neither never no nor not now of off
    often on once one only or other others our out over own per rather same several shall she should since so some
    still such than that the their them then there these they this those though through thus to together too towards
    two under until up upon us use used uses using usually very was we well were what when where whether which while
    who whom whose why will with within without would yet you your"""
    )
)
