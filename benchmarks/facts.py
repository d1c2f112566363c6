"""Personal facts as a person would tell them, and questions about them in wordings made by hand.

Of each: what is said, what an answer must hold, wordings of the question, and what lies beside it: questions in like
words about something else. None was made by the patterns that a sleep words its examples with; those that a sleep has
trained on or held to the base all the same are left out by the benchmark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Fact:
    said: str
    key: str
    asked: tuple[str, ...]
    beside: tuple[str, ...]


# fmt: off
FACTS: Final = (
    Fact("My dog is called Pepperjack.", "Pepperjack", ("Do you still know how my dog is called?", "Which name did we give to the dog I have?", "Please name my dog.", "Remind me of my dog's name, please."), ("What is my cat called?", "What is my pony called?")),
    Fact("I live in Tromso.", "Tromso", ("Do you still know which city I live in?", "In what town is my home?", "Which place do I live in?", "Remind me where I live, please."), ("Where does my uncle live?", "Where does my godmother live?")),
    Fact("My sister is called Marguerite.", "Marguerite", ("Who is my sister?", "Say the name of my sister, please.", "How is my sister called?", "Remind me of my sister's name, please."), ("What is my aunt called?", "What is my niece called?", "What is my godfather called?")),
    Fact("I work as a lighthouse keeper.", "lighthouse keeper", ("Which job do I have?", "What kind of work do I do?", "Remind me what my job is, please.", "What is it that I do for work?"), ("What does a plumber do?",)),
    Fact("My favourite colour is ochre.", "ochre", ("Which colour do I like best?", "Which colour is my favourite one?", "Name the colour that I like most.", "Remind me of my favourite colour, please."), ("What is your favourite animal?",)),
    Fact("I am allergic to walnuts.", "walnuts", ("What am I allergic to, again?", "Which allergy do I suffer from?", "Name the thing I have an allergy to.", "Remind me of my allergy, please."), ("What is a common allergy in children?",)),
    Fact("My birthday is the ninth of March.", "ninth of March", ("On which day was I born?", "When do I celebrate my birthday?", "Which date is my birthday on?", "Remind me when my birthday is, please."), ("When is Christmas?",)),
    Fact("I drive an old blue Volvo.", "Volvo", ("Which car do I have?", "What kind of car do I drive?", "Name the car that I use.", "Remind me which car I drive, please."), ("What does a bus driver drive?",)),
    Fact("I play the bassoon.", "bassoon", ("Which instrument do I play?", "Which musical instrument is mine?", "Name my instrument.", "Remind me what I play, please."), ("What is a violin?",)),
    Fact("My brother lives in Lisbon.", "Lisbon", ("In which city does my brother live?", "What is the city called that my brother lives in?", "Name the place where my brother lives.", "Remind me where my brother lives, please."), ("Where does my boss live?", "Where does my colleague live?", "Where does my stepfather live?")),
    Fact("My boat is called Albatross.", "Albatross", ("Which name did I give my boat?", "Please name my boat.", "How is my boat called?", "Remind me of my boat's name, please."), ("What is my bicycle called?", "What is my caravan called?")),
    Fact("I collect antique thimbles.", "thimbles", ("What kind of things are in my collection?", "What do I have a collection of?", "Name the things that I collect.", "Remind me what I collect, please."), ("What do museums collect?",)),
    Fact("I was born in Cordoba.", "Cordoba", ("In which city was I born?", "Which town was I born in?", "Name the city of my birth.", "Remind me where I was born, please."), ("Where was Einstein born?", "Where was Darwin born?")),
    Fact("My daughter studies marine biology.", "marine biology", ("Which subject does my daughter study?", "What is my daughter's field at university?", "Name the subject of my daughter's studies.", "Remind me what my daughter studies, please."), ("What does my nephew study?", "What does my flatmate study?", "What does my goddaughter study?")),
    Fact("I am afraid of escalators.", "escalators", ("Which thing frightens me?", "What scares me?", "Name what I am frightened of.", "Remind me what I am afraid of, please."), ("What are cats afraid of?",)),
    Fact("My neighbour is called Mr Quimby.", "Quimby", ("How is my neighbour called?", "Say the name of my neighbour, please.", "Who is my neighbour?", "Remind me of my neighbour's name, please."), ("What is my dentist called?", "What is my plumber called?")),
    Fact("I drink peppermint tea every morning.", "peppermint tea", ("What is my usual drink in the morning?", "What do I like to drink in the morning?", "Name my morning drink.", "Remind me what I drink every morning, please."), ("What do people drink in England?",)),
    Fact("My horse is called Saffron.", "Saffron", ("Which name does my horse have?", "Please name my horse.", "How is my horse called?", "Remind me of my horse's name, please."), ("What is my parrot called?", "What is my donkey called?")),
    Fact("I am learning Icelandic.", "Icelandic", ("Which language am I learning?", "Which language do I study?", "Name the language I am trying to learn.", "Remind me what I am learning, please."), ("What language is spoken in Brazil?",)),
    Fact("My shoe size is forty-three.", "forty-three", ("Which shoe size do I wear?", "Which size do I need when I buy shoes?", "Name the size of my shoes.", "Remind me of my shoe size, please."), ("What is my hat size?", "What is my collar size?")),
    Fact("My son is called Leopold.", "Leopold", ("Who is my son?", "Please name my son.", "How is my boy called?"), ("What is my nephew called?", "What is my stepson called?")),
    Fact("My mother lives in Bergamo.", "Bergamo", ("In which city does my mother live?", "What is the city called that my mother lives in?", "Name the place where my mother has her home."), ("Where does my dentist live?", "Where does my therapist live?")),
    Fact("I work at a glass factory.", "glass factory", ("Which place do I work at?", "What kind of place do I work at?", "Name my workplace."), ("Where do nurses work?",)),
    Fact("My favourite food is pumpkin risotto.", "pumpkin risotto", ("Which dish do I like best?", "Which food is my favourite one?", "Name the meal that I like most."), ("What is your favourite song?",)),
    Fact("My grandfather works as a locksmith.", "locksmith", ("Which job does my grandfather have?", "What kind of work does my grandfather do?", "Name my grandfather's job."), ("What does a tailor do?",)),
    Fact("My cat is called Bramble.", "Bramble", ("Which name does my cat have?", "Please name my cat.", "How is my cat called?"), ("What is my goldfish called?", "What is my lizard called?")),
    Fact("I grew up in Ljubljana.", "Ljubljana", ("In which city did I spend my childhood?", "Which town did I grow up in?", "Name the town of my youth."), ("Where did Mozart grow up?", "Where did Beethoven grow up?")),
    Fact("My teacher is called Dr Okafor.", "Okafor", ("Who teaches me?", "Say the name of my teacher, please.", "How is my teacher called?"), ("What is my doctor called?", "What is my lawyer called?")),
    Fact("My favourite tree is the hornbeam.", "hornbeam", ("Which tree do I like best?", "Which tree is my favourite one?", "Name the tree that I like most."), ("What is your favourite flower?",)),
    Fact("My favourite season is autumn.", "autumn", ("Which season do I like best?", "Which season is my favourite one?", "Name the season that I like most."), ("What is the coldest season?",)),
    Fact("I ride a red tandem.", "tandem", ("Which kind of bicycle do I have?", "What kind of thing do I ride?", "Name the thing that I ride."), ("What does a cowboy ride?",)),
    Fact("My husband is called Thaddeus.", "Thaddeus", ("Who is my husband?", "How is my husband called?", "Please name my husband."), ("What is my cousin called?", "What is my brother-in-law called?")),
    Fact("I speak Welsh at home.", "Welsh", ("Which language do I use at home?", "In which language do I talk to my family?", "Name the language of my home."), ("What language is spoken in Austria?",)),
    Fact("My lucky number is seventeen.", "seventeen", ("Which number brings me luck?", "Which number is my lucky one?", "Name the number that I think lucky."), ("What is your lucky colour?",)),
    Fact("My village is called Hollowdale.", "Hollowdale", ("Which name does my village have?", "Please name my village.", "How is the village called where I am from?"), ("What is the capital of Spain called?",)),
    Fact("I study archaeology.", "archaeology", ("Which subject do I study?", "Which field do I study?", "Name the subject of my studies."), ("What does a botanist study?",)),
    Fact("My grandmother lives in Reykjavik.", "Reykjavik", ("In which city does my grandmother live?", "What is the city called that my grandmother lives in?", "Name the place where my grandmother has her home."), ("Where does my landlord live?", "Where does my accountant live?")),
    Fact("My father lives in Antwerp.", "Antwerp", ("In which city does my father live?", "What is the city called that my father lives in?", "Name the place where my father has his home."), ("Where does my hairdresser live?", "Where does my trainer live?")),
    Fact("My best friend is called Ignatius.", "Ignatius", ("Who is my best friend?", "Please name my best friend.", "How is my best friend called?"), ("What is my boss called?", "What is my roommate called?")),
    Fact("I bake rye bread on Sundays.", "rye bread", ("What do I bake at the weekend?", "What kind of bread do I bake?", "Name what I bake."), ("What does a confectioner bake?",)),
    Fact("My wedding day is the second of June.", "second of June", ("When is my wedding?", "On which day do I get married?", "Which date is my wedding on?"), ("When is Halloween?",)),
    Fact("My band is called Tin Harbour.", "Tin Harbour", ("Which name does my band have?", "Please name my band.", "How is my band called?"), ("What is my football club called?", "What is my choir called?")),
    Fact("I paint watercolours.", "watercolours", ("Which kind of pictures do I make?", "What kind of pictures do I paint?", "Name what I paint."), ("What did Van Gogh paint?",)),
    Fact("My uncle works as a beekeeper.", "beekeeper", ("Which job does my uncle have?", "What kind of work does my uncle do?", "Name my uncle's job."), ("What does a carpenter do?",)),
    Fact("My rabbit is called Nutmeg.", "Nutmeg", ("Which name does my rabbit have?", "Please name my rabbit.", "How is my rabbit called?"), ("What is my hamster called?", "What is my guinea pig called?")),
    Fact("I am training for a triathlon.", "triathlon", ("Which contest am I training for?", "Which race am I training for?", "Name the race that I prepare for."), ("What do sprinters train for?",)),
    Fact("My favourite writer is Tove Jansson.", "Tove Jansson", ("Which writer do I like best?", "Whose books do I love most?", "Name the writer that I like most."), ("Who wrote Don Quixote?",)),
    Fact("I keep six hens.", "hens", ("Which animals do I have?", "What kind of animals do I keep?", "Name the animals that I keep."), ("What do shepherds keep?",)),
    Fact("My street is called Lantern Row.", "Lantern Row", ("Which name does my street have?", "Please name my street.", "How is my street called?"), ("What is my school called?", "What is my office called?")),
    Fact("I come from Valparaiso.", "Valparaiso", ("From which city do I come?", "Which place am I from?", "Name the place that I am from."), ("Where does pizza come from?",)),
)
# fmt: on

# For forty sleeps: these fifty, and 150 more of the same few kinds, each with its questions.
_KINDS: Final = (
    (
        "My {} is called {}.",
        ("How is my {} called?", "Please name my {}."),
        "bicycle Dasher/caravan Wanderer/hamster Biscuit/parrot Captain/goat Clover/donkey Amos/canary Lemon"
        "/tortoise Methuselah/lizard Ziggy/ferret Slinky/pony Thistle/goose Gertrude/canoe Otter/cottage Rose Cottage"
        "/bakery Crumb/orchestra Silver Strings/school Northgate/company Brightwater/allotment Green Acre"
        "/telescope Galileo/guitar Lucille/kite Swallow/garden Eden/shop Odds and Ends/tractor Bertha",
    ),
    (
        "My {} is called {}.",
        ("Say the name of my {}, please.", "How is my {} called?"),
        "nephew Barnaby/niece Ottilie/cousin Casimir/aunt Philippa/boss Mrs Adeyemi/dentist Dr Lindqvist"
        "/landlord Mr Pereira/doctor Dr Nakamura/godmother Rosalind/godfather Ambrose/flatmate Indira/stepson Caspian"
        "/hairdresser Yolanda/lawyer Mrs Duarte/colleague Tobias/coach Mr Okonkwo/therapist Dr Weiss/mentor Helena"
        "/stepmother Beatrix/manager Mr Castellano",
    ),
    (
        "My {} lives in {}.",
        ("What is the city called that my {} lives in?", "Name the place where my {} has a home."),
        "nephew Gdansk/niece Porto/cousin Trondheim/aunt Sarajevo/boss Malmo/dentist Ghent/landlord Cork/doctor Basel"
        "/godmother Salzburg/godfather Toulouse/flatmate Zagreb/stepson Turku/hairdresser Bilbao/lawyer Leipzig"
        "/colleague Varna/coach Galway/therapist Aarhus/mentor Ravenna/stepmother Tartu/manager Split"
        "/sister Bergen/daughter Dundee/husband Riga/son Cardiff/uncle Bruges",
    ),
    (
        "My {} works as a {}.",
        ("What kind of work does my {} do?", "Name my {}'s job."),
        "nephew plumber/niece translator/cousin potter/aunt librarian/godmother surgeon/godfather carpenter"
        "/flatmate barber/stepson welder/stepmother florist/sister geologist/daughter puppeteer/husband ferryman"
        "/son paramedic/mother notary/father violinist/brother roofer/grandmother seamstress/best friend falconer",
    ),
    (
        "My favourite {} is {}.",
        ("Which {} is my favourite one?", "Name the {} that I like most."),
        "flower the foxglove/song Moon River/film Metropolis/animal the otter/bird the kingfisher/fruit the quince"
        "/drink elderflower cordial/city Valletta/game backgammon/painter Vermeer/composer Satie/cheese Gruyere"
        "/soup borscht/cake marzipan cake/month October/tool the spokeshave/fabric tweed/sport curling/dance the tango"
        "/river the Danube/mountain the Eiger/poem Jabberwocky/planet Saturn/spice cardamom/vegetable celeriac",
    ),
    (
        "My {} studies {}.",
        ("Name the subject of my {}'s studies.", "What is my {}'s field at university?"),
        "nephew astronomy/niece law/cousin theology/flatmate pharmacy/stepson economics/son geography"
        "/godmother Sanskrit/sister dentistry/husband accountancy/best friend linguistics/brother forestry"
        "/colleague statistics",
    ),
    (
        "My {} plays the {}.",
        ("Which musical instrument is my {}'s?", "Name my {}'s instrument."),
        "nephew trombone/niece harp/cousin accordion/aunt cello/flatmate banjo/stepson oboe/sister flute"
        "/daughter tuba/husband clarinet/son marimba/brother bagpipes/grandmother piano/father mandolin",
    ),
    (
        "My {} speaks {}.",
        ("Which language does my {} speak?", "Name the language that my {} speaks."),
        "nephew Basque/niece Finnish/cousin Maltese/aunt Romansh/flatmate Bengali/stepmother Danish/mother Catalan"
        "/grandmother Yiddish/best friend Tagalog/uncle Breton/landlord Estonian/boss Tamil",
    ),
)  # fmt: skip


def _of_kind(said: str, asked: tuple[str, ...], pairs: str) -> list[Fact]:
    found = []
    for pair in pairs.split("/"):
        # "best friend" alone has two words before its value.
        words = 2 if pair.startswith("best friend ") else 1
        about, value = " ".join(pair.split()[:words]), " ".join(pair.split()[words:])
        key = value.removeprefix("the ").removeprefix("Mrs ").removeprefix("Mr ").removeprefix("Dr ")
        found.append(Fact(said.format(about, value), key, tuple(each.format(about) for each in asked), ()))
    return found


MANY: Final = (*FACTS, *(fact for kind in _KINDS for fact in _of_kind(*kind)))
