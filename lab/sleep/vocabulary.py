"""Lists of English words: whom and what people speak of, and what says that they mean nothing by it."""

from __future__ import annotations

from functools import cache
from typing import Final


@cache
def each(phrases: str) -> tuple[str, ...]:
    """The phrases of a text that has slashes between them."""
    return tuple(" ".join(phrase.split()) for phrase in phrases.split("/") if phrase)


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Whom and what else one can ask about in the same words, in the order in which it is done.
PEOPLE: Final = each("""
    uncle / aunt / cousin / boss / teacher / doctor / neighbour / dentist / landlord / nephew / niece / grandmother
    / hairdresser / flatmate
""")
FIGURES: Final = each("""
    the king / Mozart / a nurse / Napoleon / the mayor / Cleopatra / a farmer / Shakespeare / a pilot
""")
PETS: Final = each("cat / dog / horse / parrot / rabbit / hamster / goldfish / tortoise / canary")
MANY: Final = each(
    "cats / dogs / horses / parrots / rabbits / hamsters / cousins / uncles / aunts / nephews / nieces / teachers"
)
KEPT: Final = frozenset((*PETS, *(f"{pet}s" for pet in PETS))) | _set("""
    alpaca alpacas bee bees budgie budgies bulls canaries cattle chicken chickens cockerel cockerels cow cows
    donkey donkeys doves duck ducks ferret ferrets finches fish gecko geckos geese gerbil gerbils goat goats goose
    guinea hen hens honeybees koi lamb lambs lizard lizards llama llamas mice mouse pig pigeon pigeons pigs pony ponies
    python pythons quail quails ram rams rat rats sheep snake snakes spider spiders tarantula tarantulas tropical
    turkey turkeys turtle turtles worms
""")
THINGS: Final = each("boat / bicycle / car / village / school / band / company / street / garden / house")
FAVOURITES: Final = each("colour / film / book / song / animal / flower / food / drink / season / sport")
SIZES: Final = each("shoe / hat / glove / ring / shirt / jacket")
PERSONS: Final = frozenset(PEOPLE) | _set("""
    mother father mum mom dad sister brother wife husband partner son daughter child baby friend girlfriend boyfriend
    fiance fiancee grandfather grandma grandpa granny stepmother stepfather stepson stepdaughter godmother godfather
    colleague manager roommate housemate neighbor tutor coach therapist mentor twin mechanic vet plumber
    sister-in-law brother-in-law mother-in-law father-in-law granddaughter grandson kid
""")
PLURALS: Final = _set("children people kids folks")
ATTRIBUTES: Final = _set("""
    surname nickname hobby hometown address email nationality religion language tongue sign signature major degree
    town number goal ambition type weight height job profession occupation hobbies pronouns allergy diet
    specialty speciality instrument name age salary breed
""")
ADJECTIVES: Final = _set("""
    old new big small little large tiny ancient antique vintage rusty battered beaten-up second-hand used shiny rare
    red blue green yellow black white grey gray silver orange brown purple pink beautiful lovely classic electric
    modern cheap expensive fast slow
""")
TRADE_ENDINGS: Final = tuple(
    _set("""
    er or ist ician man woman smith wright nurse chef cook clerk pilot judge guide coach student vet midwife monk
    priest nun poet mechanic accountant assistant consultant attendant surgeon architect
""")
)
NO_TRADES: Final = _set("""
    mother father sister brother daughter grandmother grandfather teenager lover smoker drinker sleeper listener
    learner beginner foreigner stranger owner member believer riser speaker eater winner survivor man woman liar
    supporter follower outsider loner fighter dreamer reader customer user walker subscriber newcomer holder
    perfectionist procrastinator optimist pessimist realist idealist feminist minimalist nationalist socialist communist
    capitalist racist sexist atheist theist hedonist egoist egotist narcissist purist populist extremist humanist nudist
    tourist motorist introvert bachelor toddler youngster minor donor hoarder spender saver pleaser quitter thinker
    overthinker worrier talker complainer voter taxpayer commuter
""")
# No trade by themselves: "a runner", and not "a professional runner".
AMATEURS: Final = _set("gamer swimmer runner hiker biker jogger climber cyclist leader")
# Whom one is and not what one does: "a hard worker", "a terrible cook".
QUALITIES: Final = _set("""
    good bad hard terrible great big slow poor decent lousy awful excellent amazing horrible keen avid
    passionate huge real total complete true born careful careless nervous early late quick natural fussy picky lazy
    messy strong weak better worse active brilliant wonderful fantastic dreadful
""")
LEADS: Final = each("""
    and / but / so / well / oh / also / hello / hi / hey / hi there / hello there / okay / ok / yes / yeah / no / nope
    / actually / sorry / please / thanks / thank you / remember / note / you know / by the way / btw / fun fact / fyi
    / just so you know / as you know / as i said / in fact / anyway / good morning / good evening / right
    / i want you to remember / i want you to know / i would like you to know / you should know / you should remember
    / i should say / i should mention / i should tell you / i must tell you / let me tell you / one more thing
    / you must know / as for me / i told you / i already told you / for the record / the thing is / guess what
    / keep in mind / do not forget / don't forget / never forget / for your information / let me tell you something
""")
HEADINGS: Final = _set("""
    ps edit update home pets pet facts fact work family food likes dislikes about location background interests music
    films books sports friends education skills health personal tldr summary info
""")
ADVERBS: Final = _set("""
    always usually often mostly now also really currently still just actually mainly absolutely originally presently
    very deathly severely terribly badly happily both all generally normally typically regularly only sometimes
""")
NO_VALUES: Final = _set("""
    it this that these those you him her them me us to what how when where who why if not no there here in on at with
    for from about of by like being as and or so too very much well up out down off home
    myself someone something anything everything everyone everybody nothing
""")
NUMBERS: Final = _set("""
    one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred and
""")
NO_SUBJECTS: Final = _set("i you he she it they we who which that and or is are was were has not the a")
JUDGEMENTS: Final = _set("""
    good bad hard easy big small low high fun great boring nice fine important long short best worst terrible awesome
    amazing difficult simple tough stressful perfect weird strange interesting beautiful better worse wrong broken
    private secret unknown due over
""")
# They carry no content of their own.
SMALL: Final = _set("""
    a an the this that these those and or but nor so as if then than of to in on at by for from with about into over
    under after before during until since between through without i me my mine myself we us our ours you your it its
    he him his she her they them their who whom whose what where when which why how do does did done is am are was were
    be been being have has had having will would can could shall should may might must not no there here very too also
    once twice again ever never always often still
""")
