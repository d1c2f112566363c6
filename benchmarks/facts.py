"""Personal facts as a person would tell them, and questions about them in wordings made by hand.

Of each: what is said, what an answer must hold, wordings of the question, and what lies beside it: questions in like
words about something else. Those that are `asked` are by the author of the first patterns, who extended these after
reading which of them failed; the `further` ones by somebody who had seen no pattern; and what was added to the patterns
since then by somebody who had seen nothing here. Those that a sleep has trained on or held to the base all the same are
left out by the benchmark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Fact:
    said: str
    key: str
    asked: tuple[str, ...]
    further: tuple[str, ...]
    beside: tuple[str, ...]


# fmt: off
FACTS: Final = (
    Fact("My dog is called Pepperjack.", "Pepperjack", ("Do you still know how my dog is called?", "Which name did we give to the dog I have?", "Please name my dog.", "Remind me of my dog's name, please."), ("The vet wants the name of my dog for the file. What do I say?", "I told you about my dog the other day. What was its name?", "Which name should I have engraved on my dog's collar?", "Do you remember what I call my dog?"), ("What is my cat called?", "What is my pony called?")),
    Fact("I live in Tromso.", "Tromso", ("Do you still know which city I live in?", "In what town is my home?", "Which place do I live in?", "Remind me where I live, please."), ("I am filling in a form that asks which city I live in. What do I put?", "If you came to see me at my home, which city would you travel to?", "I want to look up the weather for the city where I live. Which city is that?", "Did you keep in mind what city I am living in at the moment?"), ("Where does my uncle live?", "Where does my godmother live?")),
    Fact("My sister is called Marguerite.", "Marguerite", ("Who is my sister?", "Say the name of my sister, please.", "How is my sister called?", "Remind me of my sister's name, please."), ("What did our parents name my sister?", "My sister just rang me. Can you still tell me her name?", "I mentioned my sister to you. What did I say her name was?", "What is my sister's first name?"), ("What is my aunt called?", "What is my niece called?", "What is my godfather called?")),
    Fact("I work as a lighthouse keeper.", "lighthouse keeper", ("Which job do I have?", "What kind of work do I do?", "Remind me what my job is, please.", "What is it that I do for work?"), ("How do I earn my living?", "There is a box for my occupation here. What should I write in it?", "If someone at a party asks what job I do, what is the true answer?", "Do you recall what my profession is?"), ("What does a plumber do?",)),
    Fact("My favourite colour is ochre.", "ochre", ("Which colour do I like best?", "Which colour is my favourite one?", "Name the colour that I like most.", "Remind me of my favourite colour, please."), ("I want a scarf in the colour I love most. Which one is that?", "What colour did I say was my favourite?", "If you painted a room in my favourite colour, what colour would the walls be?", "Is there one colour that I prefer to all others, and which one?"), ("What is your favourite animal?",)),
    Fact("I am allergic to walnuts.", "walnuts", ("What am I allergic to, again?", "Which allergy do I suffer from?", "Name the thing I have an allergy to.", "Remind me of my allergy, please."), ("The waiter asks whether I have any allergies. What should I tell him?", "You are baking me a cake. What must you leave out because I am allergic to it?", "What must I never eat because of my allergy?", "Can you remember what it is that I have an allergic reaction to?"), ("What is a common allergy in children?",)),
    Fact("My birthday is the ninth of March.", "ninth of March", ("On which day was I born?", "When do I celebrate my birthday?", "Which date is my birthday on?", "Remind me when my birthday is, please."), ("On what date should you wish me a happy birthday?", "A friend wants to put my birthday in her calendar. Which date is it?", "I told you when my birthday is. Which day was that?", "What day of the year is my birthday?"), ("When is Christmas?",)),
    Fact("I drive an old blue Volvo.", "Volvo", ("Which car do I have?", "What kind of car do I drive?", "Name the car that I use.", "Remind me which car I drive, please."), ("What make is my car?", "My car is old and blue, but which make is it?", "The garage is asking what car I drive. What do I tell them?", "Remind me what sort of car I said I drive."), ("What does a bus driver drive?",)),
    Fact("I play the bassoon.", "bassoon", ("Which instrument do I play?", "Which musical instrument is mine?", "Name my instrument.", "Remind me what I play, please."), ("I have a rehearsal tonight. Which instrument do I need to pack?", "What instrument did I tell you I play?", "When I make music, what am I playing on?", "Could you tell me which instrument I can play?"), ("What is a violin?",)),
    Fact("My brother lives in Lisbon.", "Lisbon", ("In which city does my brother live?", "What is the city called that my brother lives in?", "Name the place where my brother lives.", "Remind me where my brother lives, please."), ("Which city does my brother call home?", "I am booking a trip to my brother's place. What city do I choose as the destination?", "My brother's city, which one was it again?", "Do you remember where my brother has his home?"), ("Where does my boss live?", "Where does my colleague live?", "Where does my stepfather live?")),
    Fact("My boat is called Albatross.", "Albatross", ("Which name did I give my boat?", "Please name my boat.", "How is my boat called?", "Remind me of my boat's name, please."), ("What did I christen my boat?", "The harbour master is asking what my boat is called. What do I answer?", "Which name should be painted on the side of my boat?", "Do you recall the name of the boat I own?"), ("What is my bicycle called?", "What is my caravan called?")),
    Fact("I collect antique thimbles.", "thimbles", ("What kind of things are in my collection?", "What do I have a collection of?", "Name the things that I collect.", "Remind me what I collect, please."), ("You want to give me something for my collection. What do you look for?", "What was it that I told you I collect?", "As a collector, what do I search for at flea markets?", "Collecting is my hobby, but what are the things I collect?"), ("What do museums collect?",)),
    Fact("I was born in Cordoba.", "Cordoba", ("In which city was I born?", "Which town was I born in?", "Name the city of my birth.", "Remind me where I was born, please."), ("My passport form asks for my place of birth. What do I enter?", "Where did I come into the world?", "Can you remember the city where I was born?", "What is my birthplace?"), ("Where was Einstein born?", "Where was Darwin born?")),
    Fact("My daughter studies marine biology.", "marine biology", ("Which subject does my daughter study?", "What is my daughter's field at university?", "Name the subject of my daughter's studies.", "Remind me what my daughter studies, please."), ("What will my daughter have a degree in when she finishes her studies?", "My daughter has an exam soon. What was it again that she studies?", "Which course of study is my daughter taking?", "When people ask what my daughter is studying, what should I tell them?"), ("What does my nephew study?", "What does my flatmate study?", "What does my goddaughter study?")),
    Fact("I am afraid of escalators.", "escalators", ("Which thing frightens me?", "What scares me?", "Name what I am frightened of.", "Remind me what I am afraid of, please."), ("What do I have a phobia of?", "You know what I am scared of, don't you? Tell me what it is.", "What should you keep me away from, since I am afraid of it?", "Can you remember what it is that I find so frightening?"), ("What are cats afraid of?",)),
    Fact("My neighbour is called Mr Quimby.", "Quimby", ("How is my neighbour called?", "Say the name of my neighbour, please.", "Who is my neighbour?", "Remind me of my neighbour's name, please."), ("Who lives next door to me?", "I want to leave a note for my neighbour. Which name do I put on it?", "What was the name of that neighbour of mine?", "My neighbour is at the door. How should I greet him by name?"), ("What is my dentist called?", "What is my plumber called?")),
    Fact("I drink peppermint tea every morning.", "peppermint tea", ("What is my usual drink in the morning?", "What do I like to drink in the morning?", "Name my morning drink.", "Remind me what I drink every morning, please."), ("What is in my cup every morning?", "If you made me my usual morning drink, what would you be making?", "What do I drink each day after getting up?", "The hotel asks what I would like to drink in the morning, the same as at home. What do I order?"), ("What do people drink in England?",)),
    Fact("My horse is called Saffron.", "Saffron", ("Which name does my horse have?", "Please name my horse.", "How is my horse called?", "Remind me of my horse's name, please."), ("I am putting a sign on my horse's stable door. Which name goes on it?", "Do you remember what I named my horse?", "What is the name of the horse that belongs to me?", "I talked about my horse a while ago. What did I say it was called?"), ("What is my parrot called?", "What is my donkey called?")),
    Fact("I am learning Icelandic.", "Icelandic", ("Which language am I learning?", "Which language do I study?", "Name the language I am trying to learn.", "Remind me what I am learning, please."), ("I need a dictionary for the language I am learning. Which language is that?", "What language did I say I was learning?", "Which new language am I trying to pick up?", "Tell me again what language I am busy learning, would you?"), ("What language is spoken in Brazil?",)),
    Fact("My shoe size is forty-three.", "forty-three", ("Which shoe size do I wear?", "Which size do I need when I buy shoes?", "Name the size of my shoes.", "Remind me of my shoe size, please."), ("I am ordering boots online. Which size should I pick?", "What size shoes do I take?", "The shop assistant wants to know my shoe size. What do I say?", "Do you remember which size of shoe fits me?"), ("What is my hat size?", "What is my collar size?")),
    Fact("My son is called Leopold.", "Leopold", ("Who is my son?", "Please name my son.", "How is my boy called?"), ("What did I name my son?", "The school wants my son's first name on a form. What do I write?", "I have a son, as you know. What is he called?", "Remind me what my boy's name is."), ("What is my nephew called?", "What is my stepson called?")),
    Fact("My mother lives in Bergamo.", "Bergamo", ("In which city does my mother live?", "What is the city called that my mother lives in?", "Name the place where my mother has her home."), ("Where does my mum live, do you remember?", "I am off to see my mother at her place. Which city am I going to?", "I am writing my mother's address on a parcel. What city is she in?", "In what town would I find my mum's home?"), ("Where does my dentist live?", "Where does my therapist live?")),
    Fact("I work at a glass factory.", "glass factory", ("Which place do I work at?", "What kind of place do I work at?", "Name my workplace."), ("What sort of place do I go to every day for work?", "At what sort of business am I employed?", "The bank wants to know what kind of workplace I have. What do I tell them?", "I told you what sort of place it is that I work at. What was it?"), ("Where do nurses work?",)),
    Fact("My favourite food is pumpkin risotto.", "pumpkin risotto", ("Which dish do I like best?", "Which food is my favourite one?", "Name the meal that I like most."), ("What should you cook if you want to make me my favourite food?", "I may choose tonight's dinner, and I want my favourite dish. What will we be eating?", "Which dish do I love more than anything else on any menu?", "Remind me what I said my favourite meal was."), ("What is your favourite song?",)),
    Fact("My grandfather works as a locksmith.", "locksmith", ("Which job does my grandfather have?", "What kind of work does my grandfather do?", "Name my grandfather's job."), ("How does my granddad earn his money?", "What does my grandfather do for a living?", "I am telling a friend about my grandfather's job. What does he work as?", "What is my grandfather's trade, do you remember?"), ("What does a tailor do?",)),
    Fact("My cat is called Bramble.", "Bramble", ("Which name does my cat have?", "Please name my cat.", "How is my cat called?"), ("A friend is feeding my cat while I am away. Which name should she call it by?", "I have a cat, remember? Tell me its name.", "My cat's name, what was it again?", "What do I call my cat?"), ("What is my goldfish called?", "What is my lizard called?")),
    Fact("I grew up in Ljubljana.", "Ljubljana", ("In which city did I spend my childhood?", "Which town did I grow up in?", "Name the town of my youth."), ("Where was I raised?", "What city did I call home when I was growing up?", "I am writing down the story of my life. In which city did I grow up?", "Do you still remember where it was that I grew up?"), ("Where did Mozart grow up?", "Where did Beethoven grow up?")),
    Fact("My teacher is called Dr Okafor.", "Okafor", ("Who teaches me?", "Say the name of my teacher, please.", "How is my teacher called?"), ("Whose pupil am I?", "I want to write to my teacher. What name goes at the top of the letter?", "What name did I give you for my teacher?", "Can you think of the name of the person who teaches me?"), ("What is my doctor called?", "What is my lawyer called?")),
    Fact("My favourite tree is the hornbeam.", "hornbeam", ("Which tree do I like best?", "Which tree is my favourite one?", "Name the tree that I like most."), ("I would like to plant my favourite tree. What do I ask for at the nursery?", "What kind of tree do I love above all others?", "If I talk about my favourite tree, which sort do I mean?", "Do you remember my favourite sort of tree?"), ("What is your favourite flower?",)),
    Fact("My favourite season is autumn.", "autumn", ("Which season do I like best?", "Which season is my favourite one?", "Name the season that I like most."), ("What time of year do I enjoy most?", "Of the four seasons, which is dearest to me?", "You are painting a picture of my favourite season. Which one do you choose?", "What did I tell you my favourite season was?"), ("What is the coldest season?",)),
    Fact("I ride a red tandem.", "tandem", ("Which kind of bicycle do I have?", "What kind of thing do I ride?", "Name the thing that I ride."), ("What sort of bike do I ride?", "The bike shop asks what type of bicycle I have. What do I say?", "I ride something red. What is it?", "Do you remember what kind of bike I go around on?"), ("What does a cowboy ride?",)),
    Fact("My husband is called Thaddeus.", "Thaddeus", ("Who is my husband?", "How is my husband called?", "Please name my husband."), ("What is the name of the man I am married to?", "I need my husband's first name for a booking. What is it?", "Who did I marry, do you remember?", "My husband says hello. What was his name again?"), ("What is my cousin called?", "What is my brother-in-law called?")),
    Fact("I speak Welsh at home.", "Welsh", ("Which language do I use at home?", "In which language do I talk to my family?", "Name the language of my home."), ("When I am at home, which language do I speak?", "The census asks which language I use at home. What should I tick?", "What language would you hear me speak if you came into my house?", "Remind me which language we speak at home."), ("What language is spoken in Austria?",)),
    Fact("My lucky number is seventeen.", "seventeen", ("Which number brings me luck?", "Which number is my lucky one?", "Name the number that I think lucky."), ("I am buying a raffle ticket with my lucky number. Which number do I take?", "Have you kept my lucky number in mind? What is it?", "What did I say my lucky number was?", "Which number do I bet on when I want to be lucky?"), ("What is your lucky colour?",)),
    Fact("My village is called Hollowdale.", "Hollowdale", ("Which name does my village have?", "Please name my village.", "How is the village called where I am from?"), ("What village do I live in?", "A visitor is looking for my village on the map. What name should she look for?", "Which name is on the sign where the road enters my village?", "Do you know the name of my village, or have you forgotten it?"), ("What is the capital of Spain called?",)),
    Fact("I study archaeology.", "archaeology", ("Which subject do I study?", "Which field do I study?", "Name the subject of my studies."), ("The library card form asks for my field of study. What goes there?", "What do I study at university?", "When my relatives ask about my studies, which subject do I tell them?", "Can you remember which subject I am a student of?"), ("What does a botanist study?",)),
    Fact("My grandmother lives in Reykjavik.", "Reykjavik", ("In which city does my grandmother live?", "What is the city called that my grandmother lives in?", "Name the place where my grandmother has her home."), ("What city does my grandma live in?", "I want to surprise my grandmother at her home. Which city do I go to?", "Where did I say my grandmother lives?", "Which city belongs on an envelope to my grandma?"), ("Where does my landlord live?", "Where does my accountant live?")),
    Fact("My father lives in Antwerp.", "Antwerp", ("In which city does my father live?", "What is the city called that my father lives in?", "Name the place where my father has his home."), ("My father has invited me to his house. What city is it in?", "Remind me, what city is my dad living in?", "Where is my dad's home?", "You know where my father lives, I told you. Which city is it?"), ("Where does my hairdresser live?", "Where does my trainer live?")),
    Fact("My best friend is called Ignatius.", "Ignatius", ("Who is my best friend?", "Please name my best friend.", "How is my best friend called?"), ("What is the name of the friend who is closest to me?", "I am making a card for my best friend. What name do I write on it?", "Do you know what my best mate is called?", "I told you who my best friend is. What name was it?"), ("What is my boss called?", "What is my roommate called?")),
    Fact("I bake rye bread on Sundays.", "rye bread", ("What do I bake at the weekend?", "What kind of bread do I bake?", "Name what I bake."), ("What comes out of my oven on Sundays?", "If you dropped in on a Sunday, what would I be baking?", "What is it again that I bake every Sunday?", "I like to bake on Sundays, as I told you. What do I make?"), ("What does a confectioner bake?",)),
    Fact("My wedding day is the second of June.", "second of June", ("When is my wedding?", "On which day do I get married?", "Which date is my wedding on?"), ("The printer needs the date of my wedding for the invitations. Which date is it?", "Which day should my guests keep free for my wedding?", "What date is my wedding day?", "Do you remember when my wedding is?"), ("When is Halloween?",)),
    Fact("My band is called Tin Harbour.", "Tin Harbour", ("Which name does my band have?", "Please name my band.", "How is my band called?"), ("Under what name does my band perform?", "We are printing posters for my band. What name goes on them?", "What did we call the band that I am in?", "Somebody wants to listen to my band. What should they search for?"), ("What is my football club called?", "What is my choir called?")),
    Fact("I paint watercolours.", "watercolours", ("Which kind of pictures do I make?", "What kind of pictures do I paint?", "Name what I paint."), ("As a painter, what do I paint?", "My paintings are all of one kind. Which kind are they?", "What sort of paintings would be in an exhibition of my work?", "I told you what it is that I paint. Can you say it again?"), ("What did Van Gogh paint?",)),
    Fact("My uncle works as a beekeeper.", "beekeeper", ("Which job does my uncle have?", "What kind of work does my uncle do?", "Name my uncle's job."), ("What is my uncle's occupation?", "My uncle has a rather special job. What is he?", "What did I say my uncle works as?", "How does my uncle make his living?"), ("What does a carpenter do?",)),
    Fact("My rabbit is called Nutmeg.", "Nutmeg", ("Which name does my rabbit have?", "Please name my rabbit.", "How is my rabbit called?"), ("I want to write my rabbit's name on its hutch. What do I write?", "What did I tell you my rabbit is called?", "By what name do I call my rabbit?", "Remind me, what was my rabbit's name?"), ("What is my hamster called?", "What is my guinea pig called?")),
    Fact("I am training for a triathlon.", "triathlon", ("Which contest am I training for?", "Which race am I training for?", "Name the race that I prepare for."), ("What is all my training for?", "Which sporting event am I getting fit for?", "I told you about the competition I am training for. What kind is it?", "A friend asks why I train so much at the moment. What is it that I am preparing for?"), ("What do sprinters train for?",)),
    Fact("My favourite writer is Tove Jansson.", "Tove Jansson", ("Which writer do I like best?", "Whose books do I love most?", "Name the writer that I like most."), ("I want to buy a book by my favourite writer. Whose name do I look for?", "Who is the author I love most?", "If I could have dinner with my favourite writer, who would be sitting at the table with me?", "Do you remember which author I admire above all?"), ("Who wrote Don Quixote?",)),
    Fact("I keep six hens.", "hens", ("Which animals do I have?", "What kind of animals do I keep?", "Name the animals that I keep."), ("I keep six animals of one kind. What are they?", "Somebody has to feed the six animals I keep while I am away. What kind are they?", "What sort of poultry did I say I keep?", "Six of which animal do I keep, do you remember?"), ("What do shepherds keep?",)),
    Fact("My street is called Lantern Row.", "Lantern Row", ("Which name does my street have?", "Please name my street.", "How is my street called?"), ("What street do I live in?", "The taxi driver is asking for my street. What do I tell him?", "Which street name goes in my address?", "What was the name of my street again?"), ("What is my school called?", "What is my office called?")),
    Fact("I come from Valparaiso.", "Valparaiso", ("From which city do I come?", "Which place am I from?", "Name the place that I am from."), ("When people ask where I come from, what should I say?", "What place did I tell you I come from?", "Someone wants to know which city I come from. Can you answer for me?", "Do you remember where it is that I am from?"), ("Where does pizza come from?",)),
)
# fmt: on

# For forty sleeps: these fifty, and 150 more of the same few kinds, each with its questions.
_KINDS: Final = (
    (
        "My {} is called {}.",
        (
            "How is my {} called?",
            "Please name my {}.",
        ),
        (
            "I told you the name of my {} the other day. What was it?",
            "A friend wants to know what my {} is called. What should I say?",
            "Which name does my {} go by?",
        ),
        "bicycle Dasher/caravan Wanderer/hamster Biscuit/parrot Captain/goat Clover/donkey Amos/canary Lemon"
        "/tortoise Methuselah/lizard Ziggy/ferret Slinky/pony Thistle/goose Gertrude/canoe Otter/cottage Rose Cottage"
        "/bakery Crumb/orchestra Silver Strings/school Northgate/company Brightwater/allotment Green Acre"
        "/telescope Galileo/guitar Lucille/kite Swallow/garden Eden/shop Odds and Ends/tractor Bertha",
    ),
    (
        "My {} is called {}.",
        (
            "Say the name of my {}, please.",
            "How is my {} called?",
        ),
        (
            "I can't think of my {}'s name just now. Can you help me?",
            "I am writing a card to my {}. Which name should I put after 'Dear'?",
            "Do you remember who my {} is, by name?",
        ),
        "nephew Barnaby/niece Ottilie/cousin Casimir/aunt Philippa/boss Mrs Adeyemi/dentist Dr Lindqvist"
        "/landlord Mr Pereira/doctor Dr Nakamura/godmother Rosalind/godfather Ambrose/flatmate Indira/stepson Caspian"
        "/hairdresser Yolanda/lawyer Mrs Duarte/colleague Tobias/coach Mr Okonkwo/therapist Dr Weiss/mentor Helena"
        "/stepmother Beatrix/manager Mr Castellano",
    ),
    (
        "My {} lives in {}.",
        (
            "What is the city called that my {} lives in?",
            "Name the place where my {} has a home.",
        ),
        (
            "If I wanted to visit my {}, which city would I have to go to?",
            "Whereabouts does my {} live? I told you once.",
            "I have to send my {} a parcel. Which city do I write on it?",
        ),
        "nephew Gdansk/niece Porto/cousin Trondheim/aunt Sarajevo/boss Malmo/dentist Ghent/landlord Cork/doctor Basel"
        "/godmother Salzburg/godfather Toulouse/flatmate Zagreb/stepson Turku/hairdresser Bilbao/lawyer Leipzig"
        "/colleague Varna/coach Galway/therapist Aarhus/mentor Ravenna/stepmother Tartu/manager Split"
        "/sister Bergen/daughter Dundee/husband Riga/son Cardiff/uncle Bruges",
    ),
    (
        "My {} works as a {}.",
        (
            "What kind of work does my {} do?",
            "Name my {}'s job.",
        ),
        (
            "How does my {} earn money?",
            "I have to write down my {}'s occupation. What do I put?",
            "What is my {} by profession, do you remember?",
        ),
        "nephew plumber/niece translator/cousin potter/aunt librarian/godmother surgeon/godfather carpenter"
        "/flatmate barber/stepson welder/stepmother florist/sister geologist/daughter puppeteer/husband ferryman"
        "/son paramedic/mother notary/father violinist/brother roofer/grandmother seamstress/best friend falconer",
    ),
    (
        "My favourite {} is {}.",
        (
            "Which {} is my favourite one?",
            "Name the {} that I like most.",
        ),
        (
            "There is one {} that I love more than any other. Which one?",
            "What do I say when people ask me about my favourite {}?",
            "Can you recall which {} I prefer to all others?",
        ),
        "flower the foxglove/song Moon River/film Metropolis/animal the otter/bird the kingfisher/fruit the quince"
        "/drink elderflower cordial/city Valletta/game backgammon/painter Vermeer/composer Satie/cheese Gruyere"
        "/soup borscht/cake marzipan cake/month October/tool the spokeshave/fabric tweed/sport curling/dance the tango"
        "/river the Danube/mountain the Eiger/poem Jabberwocky/planet Saturn/spice cardamom/vegetable celeriac",
    ),
    (
        "My {} studies {}.",
        (
            "Name the subject of my {}'s studies.",
            "What is my {}'s field at university?",
        ),
        (
            "In which subject is my {} taking a degree?",
            "I have forgotten what my {} is studying. Can you tell me?",
            "What are the lectures about that my {} goes to?",
        ),
        "nephew astronomy/niece law/cousin theology/flatmate pharmacy/stepson economics/son geography"
        "/godmother Sanskrit/sister dentistry/husband accountancy/best friend linguistics/brother forestry"
        "/colleague statistics",
    ),
    (
        "My {} plays the {}.",
        (
            "Which musical instrument is my {}'s?",
            "Name my {}'s instrument.",
        ),
        (
            "If my {} gave us a concert, which instrument would we hear?",
            "I want to buy sheet music for my {}. Which instrument should it be for?",
            "What can my {} play, do you remember? I mean the instrument.",
        ),
        "nephew trombone/niece harp/cousin accordion/aunt cello/flatmate banjo/stepson oboe/sister flute"
        "/daughter tuba/husband clarinet/son marimba/brother bagpipes/grandmother piano/father mandolin",
    ),
    (
        "My {} speaks {}.",
        (
            "Which language does my {} speak?",
            "Name the language that my {} speaks.",
        ),
        (
            "We need an interpreter for my {}. For which language?",
            "Which language do I hear when my {} talks?",
            "I would like to greet my {} in the right language. Which one is it?",
        ),
        "nephew Basque/niece Finnish/cousin Maltese/aunt Romansh/flatmate Bengali/stepmother Danish/mother Catalan"
        "/grandmother Yiddish/best friend Tagalog/uncle Breton/landlord Estonian/boss Tamil",
    ),
)  # fmt: skip


def _of_kind(said: str, asked: tuple[str, ...], further: tuple[str, ...], pairs: str) -> list[Fact]:
    found = []
    for pair in pairs.split("/"):
        # "best friend" alone has two words before its value.
        words = 2 if pair.startswith("best friend ") else 1
        about, value = " ".join(pair.split()[:words]), " ".join(pair.split()[words:])
        key = value.removeprefix("the ").removeprefix("Mrs ").removeprefix("Mr ").removeprefix("Dr ")
        first, others = (tuple(each.format(about) for each in wordings) for wordings in (asked, further))
        found.append(Fact(said.format(about, value), key, first, others, ()))
    return found


MANY: Final = (*FACTS, *(fact for kind in _KINDS for fact in _of_kind(*kind)))
